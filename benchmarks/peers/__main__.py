"""The benchmark beside other libraries: `make bench`, or `python -m benchmarks.peers --rows diag tril`."""

import json
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.peers import machine, plot, table
from benchmarks.peers.contestant import ROOT
from benchmarks.peers.rounds import measure
from benchmarks.peers.rows import ROWS, row

BUSY = 0.2  # processors that other processes may use
PAGE, PICTURE = ROOT / "docs/performance.md", ROOT / "docs/performance.png"


@dataclass(frozen=True)
class Settings:
    """Times our work and that of other libraries, which take turns, each in a process of its own."""

    rows: tuple[str, ...] = tuple(candidate.name for candidate in ROWS)
    """Rows of the table to measure."""
    rounds: int = 7
    """Rounds; in each, every contestant has one turn."""
    threads: int = 2
    """Processors that each contestant may use."""
    out: Path = Path("runs/bench/results.json")
    """File for all that was measured. Rows in it that are not measured again are kept."""
    docs: bool = False
    """Write the tables and the picture into docs/performance.md."""
    quick: bool = False
    """Do as little as possible, to see that all works; the numbers mean nothing."""


def main():
    """Measures the rows, and prints a table of what they reach."""
    settings = tyro.cli(Settings)
    chosen = [row(name) for name in settings.rows]
    results = json.loads(settings.out.read_text()) if settings.out.exists() and not settings.quick else {}
    for each in chosen:
        if (busy := machine.busy_processors()) > BUSY:
            print(
                f"{each.name}: other processes keep {busy:.1f} processors busy, so these times mean little", flush=True
            )
        contestants, failed = measure(each, settings.rounds, settings.threads, settings.quick)
        for name, message in failed.items():
            print(f"{each.name}: {name} failed\n{message}", flush=True)
        results[each.name] = {"machine": machine.description(settings.threads), "contestants": contestants}
        results[each.name] |= {"failed": failed, "busy": busy}
        write(settings.out, json.dumps(results, indent=1))
        print(table.goals_table([each], results), flush=True)
        print(table.times_table([each], results), flush=True)
    if settings.docs:
        write_page(results)
        print(f"written: {PAGE}")


def write_page(results):
    """Writes the tables and the picture of all rows that were measured into the documentation.

    Args:
        results: row -> what was measured.
    """
    page = PAGE.read_text()
    page = table.between_marks(page, "goals", table.goals_table(ROWS, results))
    page = table.between_marks(page, "times", table.times_table(ROWS, results))
    page = table.between_marks(page, "machine", machine.sentence(results))
    PAGE.write_text(page)
    plot.draw(ROWS, results, PICTURE)


def write(path, text):
    """Writes a file, and its folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    main()
