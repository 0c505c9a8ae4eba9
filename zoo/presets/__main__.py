"""The presets of this package: `python -m zoo.presets` lists them."""

from dataclasses import dataclass

import tyro

from zoo.commands.endings import ended_by_a_sentence
from zoo.presets.collection import overview


@dataclass(frozen=True)
class PresetsCommand:
    """List the trained models that are part of this package."""


def main(args=None, prog="python -m zoo.presets"):
    """Runs the command.

    Args:
        args: command-line arguments; None for those of the process.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("nothing was changed"):
        tyro.cli(PresetsCommand, args=args, prog=prog)
        print(overview())


if __name__ == "__main__":
    main()
