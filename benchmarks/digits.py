"""What every model of the catalogue reaches on the digits, over several seeds: `python -m benchmarks.digits`.

Trains each model as `make train MODEL=<model>` does, with `--seed` 0, 1 and 2, and scores the same test images. Each
result is kept in a file, so that the same command resumes where it was interrupted; `--models` names some models.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tyro

import zoo
from training import run_folder as run
from training.config import Config
from training.data import data_of
from training.evaluation.likelihood import likelihood
from training.loop.devices import Devices, strategy
from training.loop.training import fit
from zoo.commands.signals import deferred_signals

COLUMNS = ("elbo", "kl", "log_likelihood")


@dataclass(frozen=True)
class Settings:
    """Train models on the digits with several seeds, and print a table of what they reach."""

    models: tuple[str, ...] = tuple(zoo.model_names())
    """Models to train; unset, all of the catalogue."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of each model."""
    samples: int = 1000
    """Importance samples per test image for the log-likelihood."""
    objective: str | None = None
    """Objective of these models in place of their own, e.g. "elbo(samples=3)"."""
    out: Path = Path("runs/digits-seeds")
    """Folder for the results."""


def main():
    """Runs the command."""
    settings = tyro.cli(Settings)
    settings.out.mkdir(parents=True, exist_ok=True)
    print("| model | ELBO | KL | log-likelihood | best epoch |\n|---|---|---|---|---|")
    for model in settings.models:
        rows = [reached(settings, model, seed) for seed in settings.seeds]
        cells = [cell([row[name] for row in rows]) for name in COLUMNS]
        epochs = ", ".join(str(row["best_epoch"]) for row in rows)
        print(f"| `{model}` | {' | '.join(cells)} | {epochs} |", flush=True)


def cell(values):
    """Returns a mean with its standard error over seeds."""
    mean = f"{np.mean(values):.2f}".replace("-", "−")
    return f"{mean} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.2f}" if len(values) > 1 else mean


def reached(settings, model, seed):
    """Returns the scores of a model that is trained with a seed, from its file if it was trained before."""
    name = f"{model}-{seed}" if settings.objective is None else f"{model}-{settings.objective}-{seed}"
    file = settings.out / f"{name}.json"
    if not file.is_file():
        keras.utils.clear_session()
        run.write(file, json.dumps(trained(settings, model, seed, settings.out / name), indent=2) + "\n")
    return json.loads(file.read_text())


def trained(settings, model, seed, folder):
    """Returns the scores of a model after training it in a folder."""
    config = Config(model=model, seed=seed, samples=settings.samples, objective=settings.objective, out=str(folder))
    dataset, devices = data_of(config), Devices(strategy())
    config = config.resolved(dataset)
    vae = zoo.build(model, dataset.event_shape, dataset.support, seed=seed, **config.overrides)
    vae.adapt(dataset.train)
    with deferred_signals() as interruption:
        training = fit(config, dataset, vae, run.start(config), devices, interruption)
    training.checkpoints.remove()
    scores = likelihood(vae, dataset.test, settings.samples, seed=0)
    return {name: getattr(scores, name).value for name in COLUMNS} | {
        "best_epoch": training.position.best_epoch,
        "seed": seed,
    }


if __name__ == "__main__":
    main()
