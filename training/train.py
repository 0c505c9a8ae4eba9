"""Train a model, evaluate it, draw its report: `python -m training.train --model tril_vae --data digits`."""

import json
import sys
import zlib

import keras
import tyro

import zoo
from training import run_folder as run
from training.config import Config
from training.data import data_of
from training.errors import (
    ended_by_a_lost_worker,
    ended_by_numbers_or_files,
    interruptible,
    on_any_terminal,
    one_sentence_errors,
)
from training.evaluation.evaluation import evaluate, load_on, write_results
from training.evaluation.settings import Settings
from training.interruption import noted
from training.loop.devices import Devices, strategy
from training.loop.training import check_shares, fit
from zoo import memory


def main(args=None):
    """The command.

    Args:
        args: its words; None for the process's own.
    """
    with on_any_terminal(), interruptible("goes on"), ended_by_a_lost_worker(), ended_by_numbers_or_files():
        run_command(args)


def run_command(args):
    """From the command's words to a finished run, or to a sentence on what is wrong with them."""
    with one_sentence_errors():
        config = tyro.cli(Config, args=args)
        devices = Devices(strategy(config.strategy), config.jit)
        keras.config.set_dtype_policy(config.precision)
        zoo.recipe(config.model, **config.overrides)  # a misspelt model is named before anything is downloaded
        dataset = data_of(config)
        config = config.resolved(dataset)
        if run.is_finished(config):
            print(f"{config.folder} is trained already; --overwrite starts anew. Report: {config.folder / run.REPORT}")
            return
        if dataset.description:
            print(f"{dataset.description}\nlikelihood: {config.likelihood}")
        trained = run.is_trained(config)
        devices.agree(zlib.crc32(config.to_json().encode()), "the settings")
        devices.agree(trained, "whether the model is trained")
        if not trained:
            with devices.strategy.scope():
                vae = zoo.build(
                    config.model, dataset.event_shape, dataset.support, seed=config.seed, **config.overrides
                )
                vae.adapt(dataset.train)
            memory.check_step(vae, -(-config.batch_size // devices.replicas))
            check_shares(config, dataset, devices)
            folder = run.start(config) if devices.is_chief else config.folder
    if not trained:
        if devices.is_chief:
            print(zoo.describe(vae))
        train(config, dataset, vae, folder, devices)
    if devices.is_chief:
        evaluate_run(config, dataset, devices)
    devices.total(0)  # the others wait for the chief, which would miss them


def train(config, dataset, vae, folder, devices):
    """From a new model, or one that was left in the middle, to a trained one, not evaluated yet.

    Args:
        config, dataset, vae, folder, devices: see `training.loop.training.fit`.

    Raises:
        SystemExit: it was interrupted, or could not go on.
    """
    with noted() as interruption:
        training = fit(config, dataset, vae, folder, devices, interruption)
        training.checkpoints.save_last()  # of which nothing is lost where the disk is too full for the files below
        if devices.is_chief:
            zoo.save(vae, folder)
            scores = {"model": config.model, "data": config.data, "epochs": training.epoch}
            scores |= {"training_seconds": round(training.position.seconds, 1), "devices": str(devices)}
            run.write(folder / run.SCORES, json.dumps(scores, indent=2) + "\n")
    training.checkpoints.remove()
    if interruption.signal is not None:
        training.say("stopped after the training; the same command goes on with the evaluation")
        sys.exit(interruption.status)


def evaluate_run(config, dataset, devices):
    """From a trained model in its folder to a finished run.

    Args:
        config, dataset, devices: see `training.loop.training.fit`.
    """
    with one_sentence_errors():
        _, scores, history = run.read(config.folder)
        vae = load_on(devices, config.folder)
        run.check_model(config, vae, dataset)
    settings = Settings(config.samples, config.test_examples, generated=config.generated, seed=config.seed)
    scores |= evaluate(vae, dataset, settings) | {"evaluation_devices": str(devices)}
    write_results(config.folder, config, dataset, vae, history, scores)


if __name__ == "__main__":
    main()
