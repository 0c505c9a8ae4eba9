"""What fine-tuning is worth: `python -m benchmarks.finetuning --data-dir data`.

Each case fine-tunes a preset as `make finetune` does on few examples that a seed chooses, and scores other test
examples, beside a model trained from scratch on the same examples for as many steps, or beside another case. The table
has means over seeds with their standard errors; differences are taken for each seed. Each result is kept in a file, so
that the same command resumes where it was interrupted; `--cases` names some cases, `--docs` writes docs/fine-tuning.md.
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
PAGE = Path("docs/fine-tuning.md")
COMMAND = "benchmarks.finetuning"
SCRATCH = "from scratch"
HEAD = (
    "| case | ELBO before | fine-tuned | beside | its ELBO | gained over it | in log-likelihood | share | forgotten |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Case:
    """A fine-tuning.

    Args:
        base: the preset.
        examples: function (number, seed, data_dir) ↦ gray images [n, h, w, 1] of training and validation, and of the
            test.
        number: of examples for training and validation.
        options: other settings of the command.
        beside: what it is compared with: a training from scratch, or another case.
    """

    base: str
    examples: Callable
    number: int
    options: dict = field(default_factory=dict)
    beside: str = SCRATCH


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
    "digits_200": Case(TRIL, DIGITS, 200),
    "digits_1000": Case(TRIL, DIGITS, 1_000),
    "small_200": Case(TRIL, SMALL, 200),
    "small_1000": Case(TRIL, SMALL, 1_000),
    "slow_200": Case(TRIL, FASHION, 200, {"learning_rate": 2e-4}, "fashion_200"),
    "lora": Case(TRIL, FASHION, 1_000, {"train": "lora(rank=4)"}, "fashion_1000"),
    "decoder": Case(TRIL, FASHION, 1_000, {"train": "decoder"}, "fashion_1000"),
    "no_upgrade": Case(DIAG, FASHION, 1_000, beside="upgrade"),
    "upgrade": Case(DIAG, FASHION, 1_000, {"posterior": "tril"}, "no_upgrade"),
    "vamp": Case(VAMP, FASHION, 1_000),
    "vamp_stale": Case(VAMP, FASHION, 1_000, {"refresh_prior": "no"}, "vamp"),
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
    docs: bool = False
    """Write the table and the picture of the curves into docs/."""


def main():
    """Runs the command."""
    settings = tyro.cli(Settings)
    lines = [HEAD]
    print(HEAD)
    for name in settings.cases:
        for needed in (CASES[name].beside, name):
            for seed in settings.seeds if needed in CASES else ():
                run_case(settings, needed, seed)
        lines.append(line(settings, name))
        print(lines[-1], flush=True)
    if settings.docs:
        from benchmarks.finetuning_picture import draw
        from benchmarks.peers.table import between_marks

        PAGE.write_text(between_marks(PAGE.read_text(), "table", "\n".join(lines), COMMAND))
        draw(settings, [name for name in settings.cases if CASES[name].beside == SCRATCH], PAGE.with_suffix(".png"))


def line(settings, name):
    """Returns the line of a case, whose results are there.

    Args:
        settings: `Settings`.
        name: of the case.
    """
    accounts, case = [account(settings, name, seed) for seed in settings.seeds], CASES[name]
    before, after, forgotten = (values(accounts, part, "elbo") for part in ("before", "after", "forgotten"))
    if case.beside == SCRATCH:
        others, what, share = accounts, "scratch", None
    else:
        others, what = [account(settings, case.beside, seed) for seed in settings.seeds], "after"
        full = values(others, "after", "elbo") - values(others, "before", "elbo")
        share = 100 * (after - before) / full
    gains = [values(accounts, "after", score) - values(others, what, score) for score in ("elbo", "log_likelihood")]
    cells = [cell(x) for x in (before, after, values(others, what, "elbo"), *gains)]
    percent = "–" if share is None else f"{np.mean(share):.0f} %"
    words = [name, *cells[:2], case.beside, *cells[2:], percent, cell(forgotten)]
    return f"| {' | '.join(words)} |"


def values(accounts, part, score):
    """Returns a score of a part of accounts, one of each seed; NaN where it has none."""
    return np.array([account.get(part, {}).get(score, np.nan) for account in accounts])


def cell(values):
    """Returns the mean of values over seeds with its standard error, or – where there is none."""
    if not np.all(np.isfinite(values)):
        return "–"
    error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{error}".replace("-", "−")


def account(settings, name, seed):
    """Returns the account of a case with a seed.

    Args:
        settings: `Settings`.
        name: of the case.
        seed: its seed.

    Raises:
        FileNotFoundError: it was not run.
    """
    return json.loads((folder(settings, name, seed) / FILE).read_text(encoding="utf-8"))


def folder(settings, name, seed):
    """Returns the folder of the run of a case with a seed. Takes the arguments of `account`."""
    return settings.out / f"{name}-{seed}"


def run_case(settings, name, seed):
    """Runs a case with a seed, unless it was run before. Takes the arguments of `account`."""
    out, case = folder(settings, name, seed), CASES[name]
    if (out / FILE).is_file():
        return
    keras.utils.clear_session()
    x, test = case.examples(case.number, seed, settings.data_dir)
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = [settings.out / f"{name}-{seed}-{part}.npy" for part in ("examples", "test")]
    for path, part in zip(paths, (x, test), strict=True):
        np.save(path, part)
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
        out=str(out),
    )

    def from_scratch(resolved):
        if case.beside == SCRATCH:
            run.train_and_evaluate(scratch.config(resolved))

    run.train_and_evaluate(finetune.settled(replace(command, **case.options)), between=from_scratch)


if __name__ == "__main__":
    main()
