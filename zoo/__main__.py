"""The models of the zoo: `python -m zoo` lists them, `python -m zoo tril_vae` describes one."""

import sys

from zoo.describe import describe, overview


def main(names):
    """Runs the command.

    Args:
        names: names of the models to describe; empty to list all models.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # for terminals whose encoding has no Greek letters
    try:
        print("\n\n".join(repr(describe(name)) for name in names) or overview())
    except KeyError as error:
        sys.exit(f"error: {error.args[0]}")


if __name__ == "__main__":
    main(sys.argv[1:])
