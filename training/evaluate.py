"""Evaluate a trained run: `python -m training.evaluate --run runs/tril_vae-digits`."""

from dataclasses import dataclass

import tyro

from training.config import Strategy
from training.endings import explain
from training.evaluation.settings import Settings
from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.quiet import import_tensorflow
from zoo.commands.xla_flags import set_xla_flags


@dataclass(frozen=True)
class EvaluateCommand(Settings):
    """Evaluate a trained run again: replace its scores.json and its report.html, and refit its model's samplers."""

    run: str = ""
    """Folder of the run."""
    preset: str = ""
    """Preset to evaluate in place of a run: its name, its folder or hf://owner/name[@revision]; nothing is written."""
    data: str | None = None
    """New path of user data that have moved; unset, the path in the training. Of other data, scores are printed, and
    nothing is written."""
    data_dir: str | None = None
    """Folder with the original data files; unset, ZOO_DATA_DIR, else a cache folder and a download."""
    strategy: Strategy = "auto"
    """Devices to evaluate on, as for training; of several workers, the chief alone evaluates."""


def main(args=None, prog="python -m training.evaluate"):
    """Runs the command.

    Args:
        args: its command line; None for the process's own.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("the same command starts over", explain):
        command = tyro.cli(EvaluateCommand, args=args, prog=prog)
        if bool(command.run) == bool(command.preset):
            raise ValueError(
                "Expected the folder of a run, --run runs/<model>-<data>, or make evaluate RUN=<folder>; or a preset, "
                "--preset <name or folder>, or make evaluate PRESET=<name or folder>."
            )
        set_xla_flags()
        import_tensorflow()
        from training import presets, run

        presets.evaluate_preset(command) if command.preset else run.evaluate_again(command)


if __name__ == "__main__":
    main()
