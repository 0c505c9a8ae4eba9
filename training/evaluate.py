"""Evaluate a trained run: `python -m training.evaluate --run runs/tril_vae-digits`."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from training import run_folder as run
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
from training.loop.devices import Devices, Strategy, strategy


@dataclass(frozen=True)
class Command(Settings):
    """Evaluate a trained run anew: its scores.json and report.html are replaced, its model gets the samplers."""

    run: str = ""
    """The run's folder."""
    data: str | None = None
    """Where data of your own are now; unset, where they were."""
    data_dir: str | None = None
    """Folder with the original data files; without it ZOO_DATA_DIR, or a cache folder and a download."""
    strategy: Strategy = "auto"
    """Devices, as for training; of several workers, the chief alone evaluates."""


def main(args=None):
    """The command.

    Args:
        args: its words; None for the process's own.
    """
    with on_any_terminal(), interruptible("starts over"), ended_by_a_lost_worker(), ended_by_numbers_or_files():
        run_command(args)


def run_command(args):
    """From the command's words to a run evaluated anew, or to a sentence on what is wrong with them."""
    with one_sentence_errors():
        command = tyro.cli(Command, args=args)
        if not command.run:
            raise ValueError("Expected the folder of a run, --run runs/<model>-<data>, or make evaluate RUN=<folder>.")
        folder = Path(command.run).expanduser()
        config, scores, history = run.read(folder)
        devices = Devices(strategy(command.strategy))
        moved = {"data_dir": command.data_dir} | ({"data": command.data} if command.data else {})
        there = replace(config, **moved)
        dataset = data_of(there)
        run.check_data(there, dataset)
        vae = load_on(devices, folder)
        run.check_model(replace(there, out=str(folder)), vae, dataset)
    if devices.is_chief:
        scores |= evaluate(vae, dataset, command) | {"evaluation_devices": str(devices)}
        write_results(folder, config, dataset, vae, history, scores)
    devices.total(0)  # the others wait for the chief, which would miss them


if __name__ == "__main__":
    sys.exit(main())
