"""The folder of a run: what is in it, and when it may be written."""

import csv
import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import zoo
from training.config import FORMAT, PLACES, Config
from training.evaluation.scores import damaged, read_training
from zoo.commands.atomic import PARTIAL, write
from zoo.model.saving import MODEL, WEIGHTS
from zoo.registry import name_of, parse

CONFIG, HISTORY, SCORES, REPORT, EVENTS = "config.json", "history.csv", "scores.json", "report.html", "tensorboard"
CHECKPOINTS = "checkpoints"
COLUMNS = ("loss", "reconstruction", "kl", "val_loss", "val_reconstruction", "val_kl", "annealing")
FILES = (CONFIG, MODEL, WEIGHTS, HISTORY, SCORES, REPORT)


def is_finished(config):
    """Returns whether the folder of a config contains this run, finished.

    Args:
        config: the run's `Config`.

    Raises:
        ValueError: it contains another run that may not be overwritten, or something else, which is never overwritten.
    """
    folder = config.folder
    if not folder.is_dir() or all(path.name.startswith(PARTIAL) for path in folder.iterdir()):
        return False
    if not _is_run(folder):
        raise ValueError(
            f"'{folder}' is not empty and does not contain a training run. Choose another folder with --out."
        )
    if config.overwrite:
        return False
    differing = list(_differences(_config(folder), config))
    if differing:
        raise ValueError(
            f"'{folder}' contains another run ({'; '.join(differing)}). "
            f"Choose another folder with --out, or start again with --overwrite."
        )
    return (folder / REPORT).is_file()


def _is_run(folder):
    """Returns whether a run wrote the folder, finished or not."""
    try:
        return json.loads((folder / CONFIG).read_text(encoding="utf-8"))["format"] == FORMAT
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _config(folder):
    try:
        return Config.from_json((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"'{folder / CONFIG}' is not the config of a training run ({error}). "
            f"Choose another folder with --out, or start again with --overwrite."
        ) from error


def _differences(there, here):
    for name in vars(here):
        old, new = getattr(there, name), getattr(here, name)
        if name == "base" and old and new:
            yield from _differences(old, new)
        elif name == "data_checksum" and old != new:
            yield "the data have changed since"
        elif old != new and name not in PLACES and not (name == "columns" and old is None):  # an earlier version's
            yield f"{name} is {old!r} there, {new!r} here"


def is_trained(config):
    """Returns whether the folder of a config contains this run trained, though not evaluated."""
    return not config.overwrite and all((config.folder / name).is_file() for name in (CONFIG, MODEL, WEIGHTS, SCORES))


def read(folder):
    """Reads a trained run, evaluated or not.

    Args:
        folder: path.

    Returns:
        Its `Config`, its `TrainingSummary`, and its history (a dict of lists, a value per epoch).

    Raises:
        ValueError: there is no run in the folder, it is not trained, or a file is damaged.
    """
    folder = Path(folder)
    if not _is_run(folder):
        raise ValueError(f"'{folder}' does not contain a training run. Train one with --out, or name another folder.")
    config = _config(folder)
    try:
        return config, read_training(folder / SCORES)[0], _history(folder / HISTORY)
    except FileNotFoundError as error:
        raise ValueError(
            f"The run in '{folder}' is not trained: {error}. Run its training command again to resume."
        ) from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(error).rstrip('.')}. Put it back, or train the run again with --overwrite.") from error


def _history(path):
    """Reads the columns of history.csv without the epoch: a dict of lists of one number or more."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        columns = {name: [float(row[i]) for row in rows] for i, name in enumerate(header) if name != "epoch"}
    except (ValueError, IndexError, csv.Error) as error:
        raise damaged(path, error) from error
    if not rows or not {*COLUMNS} <= {*columns} or any(len(row) != len(header) for row in rows):
        raise damaged(path, f"expected rows of epoch, {', '.join(COLUMNS)}")
    return columns


def load_model(folder, devices):
    """Loads the model of a run on the devices of this machine.

    Args:
        folder: path.
        devices: `training.loop.devices.Devices`; of several workers, each loads it for itself.

    Returns:
        A `zoo.VAE`.
    """
    with nullcontext() if devices.workers > 1 else devices.strategy.scope():
        return zoo.load(folder)


def check_model(config, vae, dataset):
    """Checks that the model in a run's folder is that of its config and of its data.

    Args:
        config: the run's `Config`.
        vae: the `zoo.VAE` in its folder.
        dataset: its `Dataset`.

    Raises:
        ValueError: it is another one.
    """
    parts = {"model": (vae.name, config.model), "latent": (vae.latent_size, config.latent)}
    parts |= {"support": (vae.support, dataset.support)}
    parts |= {"shape of x": ([*vae.event_shape], [*dataset.event_shape])}
    for role in ("posterior", "prior", "likelihood", "objective"):
        if spec := getattr(config, role):
            parts[role] = (name_of(getattr(vae, role)), parse(spec)[0])
    for name, (there, expected) in parts.items():
        if there != expected:
            raise ValueError(
                f"'{config.folder / MODEL}' is another run's model: its {name} is {there}, expected {expected}. "
                f"Put the run's own model back, or train it again with --overwrite."
            )


def has_data(config, dataset):
    """Returns whether data are those that a run was trained on: of the same checksum, or of the same name in the zoo.

    Args:
        config: the run's `Config`.
        dataset: a `Dataset`.
    """
    if dataset.checksum is None:
        return config.data_checksum is None and dataset.name == config.data
    return config.data_checksum == dataset.checksum


def check_data(config, dataset):
    """Checks that user data are those that a run was trained on.

    Args:
        config: the run's `Config`.
        dataset: the `Dataset` that is there now.

    Raises:
        ValueError: they are not.
    """
    if config.data_checksum != dataset.checksum:
        raise ValueError(
            f"The data in '{config.data}' are not those that the run was trained on: their checksum is "
            f"{dataset.checksum}, expected {config.data_checksum}. Put them back, or train again."
        )


def start(config):
    """Makes the run's folder with its config and without files of an earlier run; a run to resume stays as it is.

    Args:
        config: the run's `Config`.

    Returns:
        Path of the folder.

    Raises:
        ValueError: it cannot be written.
    """
    folder = config.folder
    for partial in folder.glob(f"{PARTIAL}*"):  # of a process that was killed
        partial.unlink(missing_ok=True)
    if not config.overwrite and (folder / CONFIG).is_file():
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The report first, so that a rest does not look like a finished run; the config, which tells a run, never.
        for path in [*(folder / name for name in FILES[:0:-1]), *(folder / EVENTS).glob("*/events.out.*")]:
            path.unlink(missing_ok=True)
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        write(folder / CONFIG, config.to_json())
    except OSError as error:
        raise ValueError(f"Cannot write to '{folder}': {error.strerror}. Choose another folder with --out.") from error
    return folder
