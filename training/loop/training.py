"""The training loop: one and the same on any devices, which may be stopped at any instant and goes on where it was."""

import csv
import io
import math
import sys
import time
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

import zoo
from training import run_folder as run
from training.data.dataset import shared
from training.loop.checkpoints import Checkpoints, Position
from zoo.callbacks import annealing
from zoo.model.train_step import Sums

LOGGED = ("loss", "reconstruction", "kl")
SHOWN = ("loss", "kl", "val_loss", "val_kl")
VALIDATION_BATCH = 500  # on each replica
VALIDATION_PASSES, VALIDATION_POINTS = 10, 5_000  # draws at most, for an example and for all together


def fit(config, dataset, vae, folder, devices, interruption):
    """Trains a model from where its run was left, or from the start.

    Args:
        config: the run's `Config`.
        dataset: its `Dataset`.
        vae: the `zoo.VAE`, made in the scope of the devices' strategy.
        folder: the run's.
        devices: `training.loop.devices.Devices`.
        interruption: a `zoo.commands.signals.Interruption`.

    Returns:
        The `Training`, at its end.

    Raises:
        SystemExit: it was interrupted, and can go on; or no checkpoint can be read, or workers do not agree.
        FloatingPointError: numbers that were not finite ended it; the best weights are saved.
        OSError: a file could not be written.
    """
    training = Training(config, dataset, vae, folder, devices)
    training.checkpoints.restore()
    devices.agree(training.position.step, f"the step to go on from, {training.position.step} here")
    if training.position.step:
        training.say(f"going on from step {training.position.step} of {config.epochs * training.steps}")
    training.to_the_end(interruption)
    return training


class Training:
    """A training between its first step and its last.

    Args:
        config, dataset, vae, folder, devices: see `fit`.
    """

    def __init__(self, config, dataset, vae, folder, devices):
        self.config, self.dataset, self.vae, self.folder, self.devices = config, dataset, vae, folder, devices
        self.steps = dataset.steps(config.batch_size)
        with devices.strategy.scope():
            vae.compile(keras.optimizers.Adam(config.learning_rate, global_clipnorm=config.clip_norm))
            vae.optimizer.build(vae.trainable_variables)
        self.take_steps, self.measure = compiled(vae, devices)
        self.validation_batch = VALIDATION_BATCH * devices.replicas
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
        """The number of epochs that are over."""
        return len(self.position.history)

    @property
    def is_over(self):
        """Whether there is nothing left to do."""
        waited = self.epoch - (self.position.best_epoch or self.epoch)
        patient = not self.config.patience or waited < self.config.patience
        return self.epoch == self.config.epochs or not patient

    def to_the_end(self, interruption):
        """Trains, epoch after epoch; see `fit` for how it may end.

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
        if self.config.patience:
            self.back_to_the_best()
        self.vae.objective.annealing.assign(1.0)

    def run_epoch(self, batches, interruption):
        """Takes the steps that the epoch still has."""
        position, end = self.position, (self.epoch + 1) * self.steps
        self.vae.objective.annealing.assign(annealing(self.epoch, self.config.warmup))
        while position.step < end:
            start, n = time.monotonic(), min(self.config.steps_per_execution, end - position.step)
            sums, asked = self.take_steps(batches, tf.constant(n), tf.constant(interruption.signal is not None))
            position.add(n, sums.numpy(), time.monotonic() - start)
            self.look_at_numbers()
            if asked:
                self.checkpoints.save()
                self.say(f"stopped after step {position.step}; the same command goes on from there")
                sys.exit(interruption.status)
            if self.checkpoints.due():
                self.checkpoints.save()

    def look_at_numbers(self):
        """Says which steps were not taken, and ends the training where ten were not in a row."""
        try:
            if sentence := self.vae.guard.check():
                self.say(sentence)
        except FloatingPointError as error:
            self.back_to_the_best()
            if self.devices.is_chief:
                zoo.save(self.vae, self.folder)
            epoch = self.position.best_epoch
            which = f"The best weights, of epoch {epoch}," if epoch else "The weights before these steps"
            raise FloatingPointError(f"{error} {which} are saved in '{self.folder}'.") from error

    def end_epoch(self, validation):
        """Measures the validation data, and notes what the epoch came to."""
        position, start = self.position, time.monotonic()
        with self.vae.evaluating():
            steps = self.dataset.validation_steps(self.validation_batch, self.devices.replicas)
            steps *= validation_passes(len(self.dataset.validation))
            sums = np.sum([self.measure(next(validation)).numpy() for _ in range(steps)], axis=0, dtype=np.float64)
        measured = {f"val_{name}": value for name, value in means(sums).items()}
        row = means(position.sums) | measured | {"annealing": float(self.vae.objective.annealing.numpy())}
        position.end_epoch(row, time.monotonic() - start)
        if self.epoch > self.config.warmup and position.is_best(row["val_loss"]):
            for best, weight in zip(self.best, self.vae.weights, strict=True):
                best.assign(weight.value)
        if not math.isfinite(row["val_loss"]):
            self.say(f"epoch {self.epoch}: the validation loss is {row['val_loss']}: {measured}")
        if self.devices.is_chief:
            self.write(row)

    def back_to_the_best(self):
        """Gives the model its best weights, if there are any yet."""
        if self.position.best_epoch:
            for best, weight in zip(self.best, self.vae.weights, strict=True):
                weight.assign(best)

    def write(self, row):
        """Writes history.csv and the newest row for TensorBoard."""
        text = io.StringIO()
        table = csv.DictWriter(text, ["epoch", *row], lineterminator="\n")
        table.writeheader()
        table.writerows({"epoch": i, **row} for i, row in enumerate(self.position.history))
        run.write(self.folder / run.HISTORY, text.getvalue())
        for part, prefix in (("train", ""), ("validation", "val_")):
            with self.writers[part].as_default(self.epoch - 1):
                for name in LOGGED:
                    tf.summary.scalar(f"epoch_{name}", row[prefix + name])

    def say(self, sentence):
        """Prints a sentence, once for all workers."""
        if self.devices.is_chief:
            tqdm.write(sentence)


def check_shares(config, dataset, devices):
    """Checks that batches fit the data and the devices, before anything is written.

    Args:
        config: the run's `Config`.
        dataset: its `Dataset`.
        devices: `training.loop.devices.Devices`.

    Raises:
        ValueError: they do not.
    """
    dataset.steps(config.batch_size)
    shared(config.batch_size, devices.replicas)
    dataset.validation_steps(VALIDATION_BATCH * devices.replicas, devices.replicas)


def validation_passes(examples):
    """Returns how often the validation examples are measured, each time with other noise.

    The validation loss of an epoch decides on early stopping and on the best weights: of few examples, one draw each is
    mostly noise. The noise is the same in each epoch.

    Args:
        examples: how many there are.
    """
    return max(1, min(VALIDATION_PASSES, VALIDATION_POINTS // examples))


def means(sums):
    """By name: loss, reconstruction and kl in nats per example, of `zoo.model.train_step.Sums` as numbers [5]."""
    return {name: float(value) for name, value in Sums(*np.float64(sums)).means().items()}


def compiled(vae, devices):
    """The functions (batches, n, asked) ↦ (sums [5], asked), which takes n steps, and x ↦ sums [5], which takes none.

    `asked` is whether one of the workers was asked to end.
    """
    strategy = devices.strategy

    def on_replicas(method):
        def sums(x):
            return tf.stack(method(x))

        step = tf.function(sums, jit_compile=True) if devices.jit else sums
        return lambda x: strategy.experimental_local_results(strategy.run(step, args=(x,)))[0]

    take_step, measure = on_replicas(vae.take_step), on_replicas(vae.measure)

    @tf.function
    def take_steps(batches, n, asked):
        sums = tf.zeros(len(Sums._fields), vae.posterior.compute_dtype)
        for _ in tf.range(n):
            sums += take_step(next(batches))
        return sums, devices.anywhere(asked)

    return take_steps, tf.function(measure)
