"""A run, from its settings to its report."""

import sys
import zlib
from dataclasses import replace
from pathlib import Path

import keras

import zoo
from training import run_folder
from training.data import data_of
from training.data.load import USER_DATA_OPTIONS
from training.evaluation.annealed import annealed
from training.evaluation.evaluation import choose, evaluate
from training.evaluation.likelihood import likelihood
from training.evaluation.scores import RunScores, TrainingSummary
from training.evaluation.settings import Settings
from training.finetuning.account import compare
from training.finetuning.alignment import binarized_as
from training.finetuning.model import build as fine_tuned
from training.finetuning.plan import table
from training.loop.devices import Devices, strategy
from training.loop.optimizer import described
from training.loop.training import check_shares, fit
from training.report.results import write_results
from zoo import memory
from zoo.commands.signals import deferred_signals


def train_and_evaluate(config, between=lambda config: None, is_complete=lambda config: True):
    """Trains and evaluates a run, from where it was stopped or from the start.

    Args:
        config: the `Config` of the command.
        between: function of the resolved config, called when the model is trained and not yet evaluated.
        is_complete: function of the resolved config: whether a finished run is left alone; else it is evaluated again.

    Raises:
        ValueError, KeyError: the settings, the data or the folder do not allow it; nothing was written.
        SystemExit: a signal stopped it, and the same command resumes.
    """
    devices = Devices(strategy(config.strategy), config.jit)
    keras.config.set_dtype_policy(config.precision)
    if config.base is None:
        zoo.recipe(config.model, **config.overrides)  # a misspelt model is named before anything is downloaded
    dataset = data_of(config)
    config = config.resolved(dataset)
    if run_folder.is_finished(config) and is_complete(config):
        report = config.folder / run_folder.REPORT
        print(f"{config.folder} is trained already; --overwrite starts again. Report: {report}")
        return
    if dataset.description:
        print(f"{dataset.description}\nlikelihood: {config.likelihood}")
    trained = run_folder.is_trained(config)
    devices.agree(zlib.crc32(config.to_json().encode()), "the settings")
    devices.agree(trained, "whether the model is trained")
    if not trained:
        vae = build(config, dataset, devices)
        folder = run_folder.start(config) if devices.is_chief else config.folder
        if devices.is_chief:
            print(zoo.describe(vae) if config.base is None else table(vae))
            for line in described(config):
                print(line)
        train(config, dataset, vae, folder, devices)
    between(config)
    if devices.is_chief:
        evaluate_run(config, dataset, devices)
    devices.total(0)  # the others wait for the chief, which would miss them


def build(config, dataset, devices):
    """Builds the model of a run, before anything is written.

    Args:
        config: the run's `Config`, resolved.
        dataset: its `Dataset`.
        devices: `training.loop.devices.Devices`.

    Returns:
        A `zoo.VAE`, adapted to the training data.

    Raises:
        ValueError, KeyError: its parts do not fit each other, the data, the devices or the memory.
    """
    with devices.strategy.scope():
        if config.base is None:
            vae = zoo.build(config.model, dataset.event_shape, dataset.support, seed=config.seed, **config.overrides)
            vae.adapt(dataset.train)
        else:
            vae, sentences = fine_tuned(config, dataset)
            for sentence in sentences if devices.is_chief else ():
                print(sentence)
    memory.check_step(vae, -(-config.batch_size // devices.replicas))
    check_shares(config, dataset, devices)
    return vae


def train(config, dataset, vae, folder, devices):
    """Trains a new model, or resumes its training, and saves it.

    Args:
        config: the run's `Config`, resolved.
        dataset: its `Dataset`.
        vae: the `zoo.VAE`, made in the scope of the devices' strategy.
        folder: path of the run's folder.
        devices: `training.loop.devices.Devices`.

    Raises:
        SystemExit: a signal stopped it, and the same command resumes.
    """
    with deferred_signals() as interruption:
        training = fit(config, dataset, vae, folder, devices, interruption)
        training.checkpoints.save_last()  # of which nothing is lost where the disk is too full for the files below
        if devices.is_chief:
            zoo.save(vae, folder)
            seconds = round(training.position.seconds, 1)
            summary = TrainingSummary(config.model, config.data, training.epoch, seconds, str(devices))
            RunScores(summary).write(folder / run_folder.SCORES)
    training.checkpoints.remove()
    if interruption.signal is not None:
        training.log("stopped after training; the same command resumes with the evaluation")
        sys.exit(interruption.status)


def evaluate_run(config, dataset, devices):
    """Evaluates the trained model in the folder of a run.

    Args:
        config: the run's `Config`, resolved.
        dataset: its `Dataset`.
        devices: `training.loop.devices.Devices`.
    """
    _, summary, history = run_folder.read(config.folder)
    vae = run_folder.load_model(config.folder, devices)
    run_folder.check_model(config, vae, dataset)
    settings = Settings(config.samples, config.test_examples, generated=config.generated, seed=config.seed)
    scores = RunScores(summary, evaluate(vae, dataset, settings), str(devices))
    comparison = None if config.base is None else compare(config, vae, dataset)
    write_results(config.folder, config, dataset, vae, history, scores, comparison)


def evaluate_again(command):
    """Evaluates a trained run again, and replaces its scores, its report and its model's samplers.

    Args:
        command: the `EvaluateCommand`.

    Raises:
        ValueError, KeyError: there is no such run, or no such data.
    """
    command.check_specs()
    folder = Path(command.run).expanduser()
    config, summary, history = run_folder.read(folder)
    devices = Devices(strategy(command.strategy))
    moved = {"data_dir": command.data_dir} | ({"data": command.data} if command.data else {})
    there = replace(config, **moved)
    dataset = _moved_data(config, there) if command.data else data_of(there)
    if dataset is None:
        evaluate_on_other_data(command, folder, config, devices)
        return
    run_folder.check_data(there, dataset)
    vae = run_folder.load_model(folder, devices)
    run_folder.check_model(replace(there, out=str(folder)), vae, dataset)
    if devices.is_chief:
        scores = RunScores(summary, evaluate(vae, dataset, command), str(devices))
        comparison = None if config.base is None else compare(replace(there, out=str(folder)), vae, dataset)
        write_results(folder, config, dataset, vae, history, scores, comparison)
    devices.total(0)  # the others wait for the chief, which would miss them


def _moved_data(config, there):
    """Returns the data of a run from a new path; None if there are other data, or such as its settings cannot read.

    Args:
        config: the run's `Config`.
        there: the same with the new path.
    """
    try:
        dataset = data_of(there)
    except ValueError:
        return None
    return dataset if run_folder.has_data(config, dataset) else None


def evaluate_on_other_data(command, folder, config, devices):
    """Scores a trained run on other data than those of its training, prints that, and writes nothing.

    Args:
        command: the `EvaluateCommand`, which names the data.
        folder: of the run, a path.
        config: its `Config`.
        devices: `training.loop.devices.Devices`.

    Raises:
        ValueError, KeyError: the data are not of the model's shape or support.
    """
    settings = dict.fromkeys((*USER_DATA_OPTIONS, "data_checksum", "binarize"))
    vae = run_folder.load_model(folder, devices)
    there = replace(config, data=command.data, data_dir=command.data_dir, **settings)
    dataset = data_of(binarized_as(there, vae.support, config.binarize))
    if (dataset.event_shape, dataset.support) != (vae.event_shape, vae.support):
        raise ValueError(
            f"'{command.data}' has {dataset.support} examples of shape {list(dataset.event_shape)}, and the model in "
            f"'{folder}' takes {vae.support} ones of {list(vae.event_shape)}. Fine-tune it: make finetune "
            f"MODEL={folder} DATA={command.data}"
        )
    if devices.is_chief:
        print(dataset.description or f"{dataset.name}: {len(dataset.test):,} test examples")
        print(f"these are not the data that the model was trained on, {config.data}; nothing is written")
        test = choose(command.seed, dataset.test, command.test_examples or len(dataset.test))
        found = likelihood(vae, test, command.samples, command.seed)
        print(f"test ELBO {found.elbo}, log-likelihood {found.log_likelihood} nats per example")
        if command.method is not None:
            print(annealed(vae, choose(command.seed, test, command.examples), command))
    devices.total(0)
