"""Our own training, scores and densities, through what `make train` and users call."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import statistics
import time
from functools import partial

import keras
import numpy as np
import tensorflow as tf

import zoo
from benchmarks.aggregated import mixture
from benchmarks.peers.workers.protocol import seconds_of, serve, temporary_folder
from benchmarks.peers.workers.task import LEARNING_RATE, Task, images
from training.config import Config
from training.data.dataset import Dataset
from training.loop.devices import Devices, strategy
from training.loop.training import Training
from zoo.commands.signals import Interruption
from zoo.distributions.mixtures.blockwise import BlockwiseMixture

EPOCHS = 2  # in a round: a checkpoint is saved in every second one
FIT_EPOCHS = 3  # in a call of `fit`
VALIDATED = 500  # examples, where only steps are timed


def prepare(settings):
    """Prepares the work that settings name.

    Args:
        settings: `work`: train, epoch, fit, log_likelihood or density, and its sizes.
    """
    works = {"train": train, "epoch": epoch, "fit": fit, "log_likelihood": log_likelihood, "density": density}
    facts = {"versions": {"tensorflow": tf.__version__, "keras": keras.__version__}}
    if settings["work"] in ("train", "epoch", "fit"):
        facts["parameters"] = trainable(build(Task.of(settings)))
    return works[settings["work"]](settings), facts


def parts_of(task):
    """Returns the parts of a task's model, as arguments of `zoo.build` and settings of a run."""
    objective = f"iwae(samples={task.samples})" if task.samples > 1 else "elbo"
    network = task.network if task.network == "conv" else f"{task.network}(hidden=({task.hidden}, {task.hidden}))"
    prior = f"vamp(components={task.components})" if task.prior == "vamp" else task.prior
    parts = {"posterior": task.posterior, "prior": prior, "network": network}
    return parts | {"objective": objective, "latent": task.latent}


def build(task):
    """Returns an untrained model of a task."""
    shape = (task.side, task.side, 1) if task.network == "conv" else (task.pixels,)
    return zoo.build("diag_vae", shape, "binary", **parts_of(task))


def trainable(vae):
    """Returns the number of trainable numbers of a model."""
    return sum(int(np.prod(weight.shape)) for weight in vae.trainable_weights)


def training_of(task, validation, **options):
    """Returns a `Training` as `make train` makes it, with iterators over its batches."""
    shape = (task.side, task.side, 1) if task.network == "conv" else (task.pixels,)
    x = images(task.examples, task.pixels).reshape(-1, *shape)
    validation = images(validation, task.pixels, seed=1).reshape(-1, *shape)
    dataset = Dataset("noise", "binary", x, validation, validation)
    devices = Devices(strategy())
    config = Config(model="diag_vae", **parts_of(task), batch_size=task.batch, epochs=10_000, warmup=0, **options)
    config = config.resolved(dataset)
    with devices.strategy.scope():
        vae = build(task)
        vae.adapt(dataset.train)
    training = Training(config, dataset, vae, temporary_folder(), devices)
    training.checkpoints.restore()
    vae.guard.start()
    batches = devices.distribute(partial(dataset.batches, config.batch_size, config.seed, 0))
    return training, batches, devices.distribute(partial(dataset.validation_batches, training.validation_batch))


def train(settings):
    """Returns a function that takes the steps of an epoch; the validation after it is not timed."""
    task = Task.of(settings)
    training, batches, validation = training_of(task, VALIDATED, checkpoint_steps=10**9)
    units = 1 if settings.get("whole") else training.steps

    def run():
        seconds = seconds_of(lambda: training.run_epoch(batches, Interruption()), units)
        training.end_epoch(validation)
        return {"seconds": seconds}

    run()
    return run


def epoch(settings):
    """Returns a function that trains two epochs of static MNIST's size, with their validation and one checkpoint."""
    task = Task.of(settings)
    training, batches, validation = training_of(task, settings["validated"])

    def run():
        ends, start = [], time.perf_counter()
        for _ in range(EPOCHS):
            training.run_epoch(batches, Interruption())
            ends.append(seconds_of(lambda: training.end_epoch(validation)))
        return {"seconds": (time.perf_counter() - start) / EPOCHS, "ends": ends}

    run()
    return run


def fit(settings):
    """Returns a function that calls `vae.fit` for some epochs; the median of their durations counts."""
    task = Task.of(settings)
    x = np.float32(images(task.examples, task.pixels))
    vae = build(task)
    vae.adapt(x)
    adam = keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=100.0)
    vae.compile(adam, steps_per_execution=settings["steps_per_execution"], jit_compile=True)
    steps = task.examples // task.batch

    def run():
        clock = EpochClock()
        whole = seconds_of(
            lambda: vae.fit(x, batch_size=task.batch, epochs=FIT_EPOCHS, verbose=0, callbacks=[clock], shuffle=True)
        )
        middle = statistics.median(clock.seconds)
        beside = whole - FIT_EPOCHS * middle
        return {"seconds": middle / steps, "epochs": clock.seconds, "waits": [beside, max(clock.seconds) - middle]}

    run()
    return run


class EpochClock(keras.callbacks.Callback):
    """A callback that notes the seconds of each epoch."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def log_likelihood(settings):
    """Returns a function that scores some images; seconds an image."""
    task, draws = Task.of(settings), settings["draws"]
    vae, x = build(task), np.float32(images(settings["scored"], task.pixels))
    vae.score(x, draws)
    return lambda: {"seconds": seconds_of(lambda: vae.score(x, draws), len(x))}


def density(settings):
    """Returns a function that computes the log-density of q(z) at some points; seconds a point."""
    tensors, family = mixture("diag", settings["components"], settings["latent"])
    ours = BlockwiseMixture(tensors, family)
    z = ours.sample(settings["points"], seed=[0, 1])
    ours.log_prob(z).numpy()
    return lambda: {"seconds": seconds_of(lambda: ours.log_prob(z).numpy(), len(z))}


if __name__ == "__main__":
    serve(prepare)
