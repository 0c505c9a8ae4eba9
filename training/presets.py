"""Presets of runs: what is in them besides the model, and their evaluation."""

import hashlib
import io
import json
import shlex
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
from PIL import Image

import zoo
from training import run_folder
from training.card.card import card
from training.config import PLACES, Config, flag
from training.data import data_of
from training.data.settings import PATHS
from training.evaluation.evaluation import evaluate
from training.evaluation.scores import RunScores
from training.finetune import ROLES, FinetuneCommand
from training.recipes import TrainingRecipe
from training.report.figures import Shown, figures
from zoo.data.standardization import chunks
from zoo.presets import layout
from zoo.presets.hub import SCHEME
from zoo.presets.loading import build, read
from zoo.presets.resolving import resolve
from zoo.presets.saving import About, save_to_preset

PICTURES = {  # of the report: name, and its caption
    "reconstructions": "Test examples, and their reconstructions below.",
    "covariances": "Covariance matrices of the posterior at test examples.",
    "samples": "Samples of the prior, and of the distributions of codes that were fitted after training.",
}
DPI = 60
COLORS = {"covariances": 128}  # of a picture's file; others are gray, and have 32
# Settings that a command names always, or never.
NAMED = ("model", "data", "data_checksum", "columns", "filled", "from")


def make(command):
    """Makes the preset of a run.

    Args:
        command: the `PresetCommand`.

    Returns:
        What was written, in a line.

    Raises:
        ValueError, KeyError: there is no such run, it is not evaluated, or its data are not those of its training.
        FileExistsError: there is something in the folder.
    """
    folder = Path(command.run).expanduser()
    config, _, history = run_folder.read(folder)
    scores = RunScores.read(folder / run_folder.SCORES)
    if scores.evaluation is None:
        raise ValueError(f"The run in '{folder}' is not evaluated. Run its training command again to resume.")
    moved = {"data_dir": command.data_dir} | ({"data": command.data} if command.data else {})
    dataset = data_of(there := replace(config, **moved))
    run_folder.check_data(there, dataset)
    published = TrainingRecipe.read(command.recipe).published if command.recipe else None
    vae = zoo.load(folder)
    run_folder.check_model(replace(there, out=str(folder)), vae, dataset)
    shown = pictures(config, vae, dataset, history, scores.evaluation)
    _keep_samplers(vae, command.samplers)
    about = About(command.description, dataset.name, sha256(dataset), command.license)
    out = Path(command.out).expanduser() if command.out else Path("presets") / folder.resolve().name
    training, metrics = recipe(config), scores.to_json() | {"data": dataset.name}
    metrics |= {"published": asdict(published)} if published else {}
    captions = [(f"{name}.png", PICTURES[name]) for name in shown]
    files = {
        layout.PREPROCESSOR: preprocessor(dataset),
        layout.TRAINING: training,
        layout.METRICS: metrics,
        layout.CARD: lambda metadata: card(
            out.resolve().name, metadata, training, metrics, captions, base_name(config)
        ),
    } | {f"assets/{name}.png": content for name, content in shown.items()}
    save_to_preset(vae, out, about, files)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return f"{out}: {size / 2**20:.1f} MiB, samplers {', '.join(vae.samplers.fitted) or 'none'}"


def pictures(config, vae, dataset, history, evaluation):
    """Returns name → PNG file of the report's pictures that a card shows.

    Args:
        config: the run's `Config`.
        vae: its `zoo.VAE`.
        dataset: its `Dataset`.
        history: a dict of lists, a value per epoch.
        evaluation: its `Evaluation`.
    """
    found = {}
    for name, figure in figures(config, vae, Shown.of(dataset), history, evaluation):
        if name in PICTURES:
            found[name] = png(figure, COLORS.get(name, 32))
        if len(found) == len(PICTURES):
            break
    return found


def png(figure, colors):
    """Returns a figure as a small PNG file of few colors.

    Args:
        figure: of matplotlib.
        colors: how many.
    """
    figure.savefig(drawn := io.BytesIO(), dpi=DPI, format="png", bbox_inches="tight")
    Image.open(drawn).convert("RGB").quantize(colors).save(content := io.BytesIO(), "png", optimize=True)
    return content.getvalue()


def _keep_samplers(vae, names):
    fitted = list(vae.samplers.fitted)
    for name in names or ():
        if name not in fitted:
            raise ValueError(f"The run has no sampler '{name}'. It has: {', '.join(fitted) or 'none'}.")
    for name in fitted:
        if (name == "aggregated") if names is None else (name not in names):
            vae.samplers.remove(name)


def recipe(config):
    """Returns the settings of a run without the places of this machine, and the command that trains it.

    Args:
        config: the run's `Config`.
    """
    settings = json.loads(config.to_json())
    del settings["format"]
    settings |= {name: Path(settings[name]).name for name in PATHS if settings.get(name)}
    if config.base is not None:
        settings["from"]["model"] = base_name(config)
    return {"settings": settings, "command": shlex.join([*_command(config, settings)])}


def base_name(config):
    """Returns the name of the model that a run was fine-tuned from, without folders; None if it was not.

    Args:
        config: the run's `Config`.
    """
    if config.base is None:
        return None
    model = config.base.model
    return model if model.startswith(SCHEME) else Path(model).name


def _command(config, settings):
    """Yields the words of the command that trains a run."""
    command, kind, left_out = ["training.train", "--model", settings["model"]], Config, NAMED
    if config.base is not None:
        command, kind = ["training.finetune", *_base_words(config)], FinetuneCommand
        left_out = (*NAMED, "latent", "network", *(role for role in ROLES if role not in (config.base.replaced or {})))
    yield from ("python", "-m", *command, "--data", settings["data"])
    usual = {field.name: field.default for field in fields(kind)}
    for name, value in settings.items():
        if name not in left_out and value is not None and value != usual[name]:
            yield from _option(name, value)


def _base_words(config):
    """Yields the words of a fine-tuning's command that say what it starts from and what it trains."""
    base = config.base
    yield from ("--base", base_name(config), "--train", base.train)
    yield from ("--refresh-prior", "auto" if base.refresh_prior else "no", *(["--keep-units"] * base.keep_units))
    yield from ("--fill-missing", "mean") if config.filled else ()


def _option(name, value):
    if isinstance(value, bool):
        return [flag(name) if value else f"--no-{flag(name)[2:]}"]
    return [flag(name), *map(str, value if isinstance(value, list | tuple) else [value])]


def preprocessor(dataset):
    """Returns how examples are made of files, for a preset.

    Args:
        dataset: a `Dataset`.
    """
    shape = [int(size) for size in dataset.event_shape]
    images = {"image_size": shape[:2], "channels": shape[2]} if len(shape) == 3 else {}
    classes = None if dataset.labels is None else [str(label) for label in np.unique(dataset.labels)]
    columns = None if dataset.columns is None else list(dataset.columns)
    return (
        {"support": dataset.support, "event_shape": shape, "binarize": dataset.binarize}
        | images
        | {
            "columns": columns,
            "classes": classes,
        }
    )


def sha256(dataset):
    """Returns a hash of all examples of a data set, in the order of its parts.

    Args:
        dataset: a `Dataset`.
    """
    digest = hashlib.sha256()
    for part in ("train", "validation", "test"):
        x = getattr(dataset, part)
        digest.update(f"{part} {list(x.shape)}".encode())
        for rows in chunks(x):
            digest.update(np.ascontiguousarray(rows, "<f4").tobytes())
    return digest.hexdigest()


def evaluate_preset(command):
    """Evaluates a preset on the test examples of its data, and prints its scores beside those that it comes with.

    Args:
        command: the `EvaluateCommand`.

    Raises:
        ValueError, KeyError: the preset does not load, was made of no run, or the data are not those of its training.
    """
    command.check_specs()
    contents = read(resolve(command.preset))
    config = settings_of(contents)
    metrics = contents.parsed(layout.METRICS)
    vae = build(contents)
    moved = {"data_dir": command.data_dir} | ({"data": command.data} if command.data else {})
    dataset = data_of(there := replace(config, **moved))
    run_folder.check_data(there, dataset)
    scores = evaluate(vae, dataset, command)
    found = scores.likelihood
    print(f"{command.preset}: test ELBO {found.elbo}, log-likelihood {found.log_likelihood} nats per example")
    if scores.annealed is not None:
        print(scores.annealed)
    kept = {name: metrics.get(name) for name in ("elbo", "log_likelihood", "importance_samples")}
    kept = {name: value for name, value in kept.items() if isinstance(value, int | float)}
    print(f"its metrics.json: {', '.join(f'{name} {value}' for name, value in kept.items()) or 'no scores'}")


def settings_of(contents):
    """Returns the `Config` of the run that a preset was made of.

    Args:
        contents: the preset's `Contents`.

    Raises:
        ValueError: it was made of no run, its settings are damaged, or it names files or folders of this machine.
    """
    settings = contents.parsed(layout.TRAINING).get("settings")
    if not isinstance(settings, dict):
        raise layout.damaged(contents.folder / layout.TRAINING, f"expected its settings, got {settings!r:.50}")
    settings = {name: value for name, value in settings.items() if name not in PLACES}
    for name in PATHS:
        given = settings.get(name)
        if isinstance(given, str) and (Path(given).name != given or given.startswith(("~", "."))):
            raise ValueError(f"Expected '{contents.folder}' to name its data without a folder, got {name} {given!r}.")
    return Config.from_json(json.dumps(settings))
