"""The models of the zoo: `python -m zoo` lists them, `python -m zoo tril_vae` describes one."""

from dataclasses import dataclass

import tyro

from zoo.catalog import recipe
from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.quiet import import_tensorflow


@dataclass(frozen=True)
class ModelsCommand:
    """List the models and their parts, or describe some of them with the sizes of their parts."""

    models: tyro.conf.Positional[tuple[str, ...]] = ()
    """Names of the models to describe; without any, all models are listed."""


def main(args=None, prog="python -m zoo"):
    """Runs the command.

    Args:
        args: command-line arguments; None for those of the process.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("nothing was changed"):
        command = tyro.cli(ModelsCommand, args=args, prog=prog)
        for name in command.models:
            recipe(name)  # refuses an unknown model before TensorFlow is imported
        import_tensorflow()
        from zoo.description import describe, overview

        print("\n\n".join(repr(describe(name)) for name in command.models) or overview())


if __name__ == "__main__":
    main()
