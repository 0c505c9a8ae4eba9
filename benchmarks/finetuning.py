"""What fine-tuning is worth beside training from scratch: `python -m benchmarks.finetuning --data-dir data`.

Each case fine-tunes a preset as `make finetune` does, with `--compare-scratch`, on few examples that a seed chooses,
and scores other test examples; the table shows means over seeds with their standard errors. Each result is kept in a
file, so that the same command resumes where it was interrupted; `--cases` names some cases.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tyro

from training import finetune, run
from training.data.named import load_dataset
from training.finetuning import scratch
from training.finetuning.account import FILE

TEST = 1_000  # images


@dataclass(frozen=True)
class Case:
    """A fine-tuning.

    Args:
        base: the preset.
        examples: function (number, seed, data_dir) ↦ gray images [n, h, w, 1] of training and validation, and of the
            test.
        number: of examples for training and validation.
        options: other settings of the command.
        scratch: whether it is compared with training from scratch.
    """

    base: str
    examples: Callable
    number: int
    options: dict = field(default_factory=dict)
    scratch: bool = True


def images(name, size=28):
    """Returns a function that chooses examples of a data set, resized.

    Args:
        name: of the data set.
        size: height and width in pixels.
    """

    def chosen(number, seed, data_dir):
        dataset = load_dataset(name, "none", data_dir)
        order = np.random.default_rng(seed).permutation(len(dataset.train))
        x = dataset.train[np.sort(order[:number])], dataset.test[:TEST]
        return tuple(np.clip(tf.image.resize(part, (size, size)).numpy(), 0, 1) for part in x)

    return chosen


FASHION, DIGITS, SMALL = images("fashion_mnist"), images("digits"), images("mnist", 14)
TRIL, DIAG, VAMP = "tril_vae-static_mnist", "diag_vae-static_mnist", "vamp_vae-static_mnist"
CASES = {
    "fashion_200": Case(TRIL, FASHION, 200),
    "fashion_1000": Case(TRIL, FASHION, 1_000),
    "slow_200": Case(TRIL, FASHION, 200, {"learning_rate": 2e-4}, scratch=False),
    "digits_200": Case(TRIL, DIGITS, 200),
    "digits_1000": Case(TRIL, DIGITS, 1_000),
    "small_200": Case(TRIL, SMALL, 200),
    "small_1000": Case(TRIL, SMALL, 1_000),
    "decoder": Case(TRIL, FASHION, 1_000, {"train": "decoder"}, scratch=False),
    "lora": Case(TRIL, FASHION, 1_000, {"train": "lora(rank=4)"}, scratch=False),
    "upgrade": Case(DIAG, FASHION, 1_000, {"posterior": "tril"}, scratch=False),
    "no_upgrade": Case(DIAG, FASHION, 1_000, scratch=False),
    "vamp": Case(VAMP, FASHION, 1_000),
    "vamp_stale": Case(VAMP, FASHION, 1_000, {"refresh_prior": "no"}, scratch=False),
}


@dataclass(frozen=True)
class Settings:
    """Fine-tune presets on few examples with several seeds, and print a table of what that is worth."""

    cases: tuple[str, ...] = tuple(CASES)
    """Cases to run; unset, all."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of each case: of the choice of examples and of the training."""
    samples: int = 200
    """Importance samples per test example for the log-likelihood."""
    data_dir: str | None = None
    """Folder with the original data files; unset, ZOO_DATA_DIR, else a cache folder and a download."""
    bases: Path | None = None
    """Folder with the presets or runs to start from; unset, the presets of this package."""
    out: Path = Path("runs/finetuning")
    """Folder for the results."""


def main():
    """Runs the command."""
    settings = tyro.cli(Settings)
    print("| case | ELBO before | fine-tuned | from scratch | gained over scratch | in log-likelihood | forgotten |")
    print("|---|---|---|---|---|---|---|")
    for name in settings.cases:
        accounts = [reached(settings, name, seed) for seed in settings.seeds]
        before, after, other = (cell(accounts, part, "elbo") for part in ("before", "after", "scratch"))
        gains = (cell(accounts, "gain_over_scratch", score) for score in ("elbo", "log_likelihood"))
        forgotten = cell(accounts, "forgotten", "elbo")
        print(f"| {name} | {before} | {after} | {other} | {' | '.join(gains)} | {forgotten} |", flush=True)


def cell(accounts, part, score):
    """Returns the mean of a score over seeds with its standard error, or – where there is none."""
    if any(part not in account for account in accounts):
        return "–"
    values = [account[part][score] for account in accounts]
    error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{error}".replace("-", "−")


def reached(settings, name, seed):
    """Returns the account of a case with a seed, from its file if it was run before."""
    folder, case = settings.out / f"{name}-{seed}", CASES[name]
    if not (folder / FILE).is_file():
        keras.utils.clear_session()
        x, test = case.examples(case.number, seed, settings.data_dir)
        folder.parent.mkdir(parents=True, exist_ok=True)
        paths = [settings.out / f"{name}-{seed}-{part}.npy" for part in ("examples", "test")]
        for path, values in zip(paths, (x, test), strict=True):
            np.save(path, values)
        command = finetune.FinetuneCommand(
            base=case.base if settings.bases is None else str(settings.bases / case.base),
            data=str(paths[0]),
            test_data=str(paths[1]),
            validation_fraction=0.2,
            data_dir=settings.data_dir,
            binarize="dynamic",
            seed=seed,
            samples=settings.samples,
            generated=0,
            out=str(folder),
        )
        config = finetune.settled(replace(command, **case.options))

        def from_scratch(resolved, case=case):
            if case.scratch:
                run.train_and_evaluate(scratch.config(resolved))

        run.train_and_evaluate(config, between=from_scratch)
    return json.loads((folder / FILE).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
