"""The training loop: the same on any devices, interruptible at any time, resumed exactly."""

import csv
import io
import math
import sys
import time
from functools import partial

import tensorflow as tf
from tqdm import tqdm

import zoo
from training import run_folder as run
from training.data.dataset import shared
from training.loop.checkpoints import Checkpoints, Position
from training.loop.optimizer import LearningRate, make_optimizer
from training.loop.steps import compile_steps, means
from zoo.callbacks import annealing
from zoo.model.training.averaging import averaged, start_averages, use_averages
from zoo.model.training.step_loop import stack_size

LOGGED = ("loss", "reconstruction", "kl")
SHOWN = ("loss", "kl", "val_loss", "val_kl")
VALIDATION_BATCH = 500  # on each replica
VALIDATION_PASSES, VALIDATION_POINTS = 10, 5_000  # maximum number of draws per example and in total


def fit(config, dataset, vae, folder, devices, interruption):
    """Trains a model, or resumes its training from the last checkpoint.

    Args:
        config: the run's `Config`.
        dataset: its `Dataset`.
        vae: the `zoo.VAE`, built in the scope of the devices' strategy.
        folder: of the run.
        devices: `training.loop.devices.Devices`.
        interruption: a `zoo.commands.signals.Interruption`.

    Returns:
        The finished `Training`.

    Raises:
        SystemExit: a signal stopped it, and the same command resumes.
        ValueError: no checkpoint can be read, or workers disagree on the step.
        FloatingPointError: ten steps in a row had NaN or Inf; the best weights are saved.
        OSError: a file cannot be written.
    """
    training = Training(config, dataset, vae, folder, devices)
    training.checkpoints.restore()
    devices.agree(training.position.step, f"the step to resume from, {training.position.step} here")
    if training.position.step:
        training.log(f"resuming from step {training.position.step} of {config.epochs * training.steps}")
    training.run(interruption)
    return training


class Training:
    """A training in progress.

    Args:
        config: the run's `Config`.
        dataset: its `Dataset`.
        vae: the `zoo.VAE`, built in the scope of the devices' strategy.
        folder: of the run.
        devices: `training.loop.devices.Devices`.
    """

    def __init__(self, config, dataset, vae, folder, devices):
        self.config, self.dataset, self.vae, self.folder, self.devices = config, dataset, vae, folder, devices
        self.steps = dataset.steps(config.batch_size)
        self.learning_rate = LearningRate(config, self.steps)
        with devices.strategy.scope():
            vae.compile(make_optimizer(config, self.learning_rate))
            vae.optimizer.build(vae.trainable_variables)
        start_averages(vae)
        self.validation_batch = VALIDATION_BATCH * devices.replicas
        self.validation_steps = dataset.validation_steps(self.validation_batch, devices.replicas)
        self.validation_steps *= validation_passes(len(dataset.validation))
        self.take_steps, self.measure = compile_steps(
            vae,
            devices,
            stack_size(config.steps_per_execution, vae.event_shape, config.batch_size),
            stack_size(self.validation_steps, vae.event_shape, self.validation_batch),
        )
        self.writers = devices.is_chief and {
            part: tf.summary.create_file_writer(str(folder / run.EVENTS / part)) for part in ("train", "validation")
        }
        self.position = Position()
        self.best = [tf.Variable(weight.value, trainable=False) for weight in vae.weights]
        self.checkpoints = Checkpoints(
            folder,
            vae,
            self.best,
            self.position,
            config.checkpoint_steps,
            config.checkpoint_minutes,
            config.checkpoints_kept,
            devices.is_chief,
        )

    @property
    def epoch(self):
        """The number of finished epochs."""
        return len(self.position.history)

    @property
    def is_over(self):
        """Whether all epochs are finished, or early stopping ended the training."""
        waited = self.epoch - (self.position.best_epoch or self.epoch)
        patient = not self.config.patience or waited < self.config.patience
        return self.epoch == self.config.epochs or not patient

    def run(self, interruption):
        """Runs the remaining epochs; see `fit` for how it may end.

        Args:
            interruption: a `zoo.commands.signals.Interruption`.
        """
        batches = self.devices.distribute(
            partial(self.dataset.batches, self.config.batch_size, self.config.seed, self.position.step)
        )
        validation = self.devices.distribute(partial(self.dataset.validation_batches, self.validation_batch))
        self.vae.guard.start(resume=self.position.step > 0)
        silent = not self.devices.is_chief
        with tqdm(total=self.config.epochs, initial=self.epoch, desc="training", unit="epoch", disable=silent) as bar:
            while not self.is_over:
                self.run_epoch(batches, interruption)
                self.end_epoch(validation)
                bar.set_postfix({name: f"{self.position.history[-1][name]:.2f}" for name in SHOWN}, refresh=False)
                bar.update()
        use_averages(self.vae)
        if self.config.patience:
            self.restore_best_weights()
        self.vae.objective.annealing.assign(1.0)

    def run_epoch(self, batches, interruption):
        """Takes the remaining steps of the epoch.

        Args:
            batches: iterator over training batches.
            interruption: a `zoo.commands.signals.Interruption`.
        """
        position, end = self.position, (self.epoch + 1) * self.steps
        self.vae.objective.annealing.assign(annealing(self.epoch, self.config.warmup))
        while position.step < end:
            start, n = time.monotonic(), min(self.config.steps_per_execution, end - position.step)
            sums, stop = self.take_steps(batches, tf.constant(n), tf.constant(interruption.signal is not None))
            position.add(n, sums.numpy(), time.monotonic() - start)
            self.report_skipped_steps()
            if stop:
                self.checkpoints.save()
                self.log(f"stopped after step {position.step}; the same command resumes from there")
                sys.exit(interruption.status)
            if self.checkpoints.is_due():
                self.checkpoints.save()

    def report_skipped_steps(self):
        """Reports steps that were skipped for NaN or Inf.

        Raises:
            FloatingPointError: ten steps in a row were skipped; the best weights are saved.
        """
        try:
            if sentence := self.vae.guard.check():
                self.log(sentence)
        except FloatingPointError as error:
            use_averages(self.vae)
            self.restore_best_weights()
            if self.devices.is_chief:
                zoo.save(self.vae, self.folder)
            epoch = self.position.best_epoch
            which = f"The best weights, of epoch {epoch}," if epoch else "The weights before these steps"
            raise FloatingPointError(f"{error} {which} are saved in '{self.folder}'.") from error

    def end_epoch(self, validation):
        """Measures the validation data, and records the results of the epoch.

        Args:
            validation: iterator over validation batches.
        """
        position, start = self.position, time.monotonic()
        row = means(position.sums)
        with averaged(self.vae):
            with self.vae.evaluating():
                sums = self.measure(validation, tf.constant(self.validation_steps)).numpy()
            measured = {f"val_{name}": value for name, value in means(sums).items()}
            row |= measured | {"annealing": float(self.vae.objective.annealing.numpy())}
            row["learning_rate"] = self.learning_rate.at(int(self.vae.optimizer.iterations.numpy()) - 1)
            position.end_epoch(row, time.monotonic() - start)
            if self.epoch > self.config.warmup and position.is_best(row["val_loss"]):
                for best, weight in zip(self.best, self.vae.weights, strict=True):
                    best.assign(weight.value)
        if not math.isfinite(row["val_loss"]):
            self.log(f"epoch {self.epoch}: the validation loss is {row['val_loss']}: {measured}")
        if self.devices.is_chief:
            self.write_history(row)

    def restore_best_weights(self):
        """Restores the weights of the best epoch, if there is one yet."""
        if self.position.best_epoch:
            for best, weight in zip(self.best, self.vae.weights, strict=True):
                weight.assign(best)

    def write_history(self, row):
        """Writes history.csv, and the last epoch for TensorBoard.

        Args:
            row: results of that epoch, by name.
        """
        text = io.StringIO()
        # A run that an earlier version began has no learning rate in its first epochs: it was constant.
        constant = self.config.learning_rate
        table = csv.DictWriter(text, ["epoch", *row], restval=constant, lineterminator="\n")
        table.writeheader()
        table.writerows({"epoch": i, **row} for i, row in enumerate(self.position.history))
        run.write(self.folder / run.HISTORY, text.getvalue())
        for part, prefix in (("train", ""), ("validation", "val_")):
            with self.writers[part].as_default(self.epoch - 1):
                for name in LOGGED:
                    tf.summary.scalar(f"epoch_{name}", row[prefix + name])
        with self.writers["train"].as_default(self.epoch - 1):
            tf.summary.scalar("epoch_learning_rate", row["learning_rate"])

    def log(self, sentence):
        """Prints a sentence, on the chief only.

        Args:
            sentence: what to print.
        """
        if self.devices.is_chief:
            tqdm.write(sentence)


def check_shares(config, dataset, devices):
    """Checks that batches can be shared among the replicas, before anything is written.

    Args:
        config: the run's `Config`.
        dataset: its `Dataset`.
        devices: `training.loop.devices.Devices`.

    Raises:
        ValueError: a batch is larger than the data, or cannot be shared equally, or a replica gets no validation data.
    """
    dataset.steps(config.batch_size)
    shared(config.batch_size, devices.replicas)
    dataset.validation_steps(VALIDATION_BATCH * devices.replicas, devices.replicas)


def validation_passes(examples):
    """Returns how often to measure the validation examples in an epoch, each time with other noise.

    The validation loss decides on early stopping and the best weights: with one draw for each of few examples it is
    mostly noise. The noise is the same in each epoch.

    Args:
        examples: number of validation examples.
    """
    return max(1, min(VALIDATION_PASSES, VALIDATION_POINTS // examples))
