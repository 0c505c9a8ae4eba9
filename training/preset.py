"""Make a preset of a trained run: `python -m training.preset --run runs/tril_vae-digits`."""

from dataclasses import dataclass

import tyro

from training.endings import explain
from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.quiet import import_tensorflow


@dataclass(frozen=True)
class PresetCommand:
    """Make a preset of a trained run: its model, what it was trained on and how, and its scores, in a new folder."""

    run: str = ""
    """Folder of the run, evaluated."""
    out: str = ""
    """New folder of the preset; unset, presets/<name of the run's folder>."""
    recipe: str | None = None
    """File of the recipe that the run was trained by, whose published figure the card shows beside the scores."""
    description: str = ""
    """Description of the preset, in a line; unset, that of the model."""
    license: str | None = None
    """License of the weights, as Hugging Face names it, such as mit."""
    samplers: tuple[str, ...] | None = None
    """Names of the samplers to keep; unset, all but aggregated, which grows with the training data and reveals
    something of each example. Compressed and the pseudo-inputs of a VampPrior reveal something of some examples."""
    data: str | None = None
    """New path of user data that have moved; unset, the path in the training."""
    data_dir: str | None = None
    """Folder with the original data files; unset, ZOO_DATA_DIR, else a cache folder and a download."""


def main(args=None, prog="python -m training.preset"):
    """Runs the command.

    Args:
        args: its command line; None for the process's own.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("no preset was written", explain):
        command = tyro.cli(PresetCommand, args=args, prog=prog)
        if not command.run:
            raise ValueError("Expected the folder of a run, --run runs/<model>-<data>, or make preset RUN=<folder>.")
        import_tensorflow()
        from training import presets

        print(presets.make(command))


if __name__ == "__main__":
    main()
