"""What fine-tuning is worth: `python -m benchmarks.finetuning --data-dir data`.

Each case fine-tunes a preset as `make finetune` does on few examples that a seed chooses, and scores other test
examples, beside a model trained from scratch on the same examples for as many steps, or beside another case. The table
has means over seeds with their standard errors; differences are taken for each seed. Each result is kept in a file, so
that the same command resumes where it was interrupted; `--cases` names some cases, `--docs` writes docs/fine-tuning.md.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from benchmarks.finetuning.cases import CASES, SCRATCH
from benchmarks.finetuning.picture import draw
from benchmarks.finetuning.runs import account, run_case
from benchmarks.peers.table import between_marks

PAGE = Path("docs/fine-tuning.md")
COMMAND = "benchmarks.finetuning"
HEAD = (
    "| case | ELBO before | fine-tuned | beside | its ELBO | gained over it | in log-likelihood | share | forgotten |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


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


if __name__ == "__main__":
    main()
