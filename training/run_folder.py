"""The folder of a run: what is in it, and when it may be written."""

import csv
import json
import os
import shutil
from pathlib import Path

from training.config import FORMAT, PLACES, Config
from zoo.model.saving import MODEL, WEIGHTS
from zoo.registry import name_of, parse

CONFIG, HISTORY, SCORES, REPORT, EVENTS = "config.json", "history.csv", "scores.json", "report.html", "tensorboard"
CHECKPOINTS = "checkpoints"
COLUMNS = ("loss", "reconstruction", "kl", "val_loss", "val_reconstruction", "val_kl", "annealing")
PARTIAL = "partial."  # what a file's name begins with while it is written
FILES = (CONFIG, MODEL, WEIGHTS, HISTORY, SCORES, REPORT)


def is_finished(config):
    """Whether this very run is in its folder, whole.

    Raises:
        ValueError: another run is there, and may not be overwritten; or something that is no run, which
            is never overwritten.
    """
    folder = config.folder
    if not folder.is_dir() or all(path.name.startswith(PARTIAL) for path in folder.iterdir()):
        return False
    if not _is_run(folder):
        raise ValueError(f"'{folder}' is not empty, and no run's folder. Choose another one with --out.")
    if config.overwrite:
        return False
    differing = list(_differences(_config(folder), config))
    if differing:
        raise ValueError(
            f"'{folder}' holds another run ({'; '.join(differing)}). "
            f"Choose another folder with --out, or start anew with --overwrite."
        )
    return (folder / REPORT).is_file()


def _is_run(folder):
    """Whether the folder was written by a run, be it whole or cut short."""
    try:
        return json.loads((folder / CONFIG).read_text(encoding="utf-8"))["format"] == FORMAT
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _config(folder):
    try:
        return Config.from_json((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"'{folder / CONFIG}' is no run's config ({error}). "
            f"Choose another folder with --out, or start anew with --overwrite."
        ) from error


def _differences(there, here):
    for name in vars(here):
        old, new = getattr(there, name), getattr(here, name)
        if name == "data_checksum" and old != new:
            yield "the data have changed since"
        elif old != new and name not in PLACES:
            yield f"{name} is {old!r} there, {new!r} here"


def is_trained(config):
    """Whether this very run, which is not finished, is in its folder with its trained model."""
    return not config.overwrite and all((config.folder / name).is_file() for name in (CONFIG, MODEL, WEIGHTS, SCORES))


def read(folder):
    """A trained run, evaluated or not.

    Args:
        folder: path.

    Returns:
        Its `Config`, its scores (a dict), and its history (a dict of lists, a value an epoch).

    Raises:
        ValueError: there is no run in the folder, or it is not finished.
    """
    folder = Path(folder)
    if not _is_run(folder):
        raise ValueError(f"No run in '{folder}': train one into it, or name another.")
    config = _config(folder)
    try:
        return config, _scores(folder / SCORES), _history(folder / HISTORY)
    except FileNotFoundError as error:
        raise ValueError(f"The run in '{folder}' is not trained: {error}. Train it to its end.") from error
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{str(error).rstrip('.')}. Put it back, or train the run once more with --overwrite."
        ) from error


def _scores(path):
    """What scores.json says of the training, or of an evaluation too: a dict."""
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"'{path}' is damaged: {error}.") from error
    kinds = {"model": str, "data": str, "devices": str, "epochs": int, "training_seconds": (int, float)}
    if not isinstance(scores, dict):
        raise ValueError(f"'{path}' is damaged: expected a JSON object, got {type(scores).__name__}.")
    for name, kind in kinds.items():
        if not isinstance(scores.get(name), kind):
            raise ValueError(f"'{path}' is damaged: its '{name}' is {scores.get(name)!r}.")
    return scores


def _history(path):
    """The columns of history.csv without the epoch: a dict of lists of numbers, one or more."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        columns = {name: [float(row[i]) for row in rows] for i, name in enumerate(header) if name != "epoch"}
    except (ValueError, IndexError, csv.Error) as error:
        raise ValueError(f"'{path}' is damaged: {error}.") from error
    if not rows or not {*COLUMNS} <= {*columns} or any(len(row) != len(header) for row in rows):
        raise ValueError(f"'{path}' is damaged: expected rows of epoch, {', '.join(COLUMNS)}.")
    return columns


def check_model(config, vae, dataset):
    """Makes sure that the model in a run's folder is that of its config and of its data.

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
                f"Put the run's own model back, or train it once more with --overwrite."
            )


def check_data(config, dataset):
    """Makes sure that data of one's own are those that a run was trained on.

    Args:
        config: the run's `Config`.
        dataset: the `Dataset` that is there now.

    Raises:
        ValueError: they are not.
    """
    if config.data_checksum != dataset.checksum:
        raise ValueError(
            f"The data in '{config.data}' are not those that the run was trained on: their checksum is "
            f"{dataset.checksum}, expected {config.data_checksum}. Put them back, or train anew."
        )


def start(config):
    """Makes the run's folder with its config, and nothing else of an earlier run; one that was begun stays as it is.

    Args:
        config: the run's `Config`.

    Returns:
        Path of the folder.

    Raises:
        ValueError: it cannot be written.
    """
    folder = config.folder
    if not config.overwrite and (folder / CONFIG).is_file():
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The report first, lest what is left of a run pass for a whole one; the config, by which it is known, never.
        for path in [*(folder / name for name in FILES[:0:-1]), *(folder / EVENTS).glob("*/events.out.*")]:
            path.unlink(missing_ok=True)
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        write(folder / CONFIG, config.to_json())
    except OSError as error:
        raise ValueError(f"Cannot write to '{folder}': {error.strerror}. Choose another folder with --out.") from error
    return folder


def write(path, text):
    """Writes a text file, whole or not at all."""
    partial = Path(path).with_name(PARTIAL + Path(path).name)
    try:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")  # names of files may not be UTF-8
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
