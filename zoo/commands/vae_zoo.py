"""All commands of the package by one name: `vae-zoo train --model tril_vae`, or `python -m zoo.commands.vae_zoo`."""

import importlib
import sys

from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.version import VERSION

NAME = "vae-zoo"
COMMANDS = {  # name: its module, and what it does
    "train": ("training.train", "Train a model, evaluate it and draw its report"),
    "reproduce": ("training.reproduce", "Train a recipe, and compare with the published figure"),
    "finetune": ("training.finetune", "Fine-tune a preset or a run on other data"),
    "evaluate": ("training.evaluate", "Evaluate a trained run again, or a preset"),
    "export": ("export.__main__", "Export a trained run or a preset for TensorFlow Serving"),
    "serve": ("export.serving.start_server", "Start TensorFlow Serving on all exported models"),
    "client": ("export.client.__main__", "Ask a server for codes, scores, samples and reconstructions"),
    "models": ("zoo.__main__", "List the models and their parts, or describe some of them"),
    "preset": ("training.preset", "Make a preset of a trained run"),
    "presets": ("zoo.presets.__main__", "List the trained models that are part of this package"),
}


def main(args=None):
    """Runs one of the commands.

    Args:
        args: the command's name and its command line; None for the process's own.
    """
    name, *words = (sys.argv[1:] if args is None else list(args)) or ["--help"]
    if name in ("-h", "--help"):
        print(usage())
        return
    if name == "--version":
        print(f"{NAME} {VERSION}")
        return
    with ended_by_a_sentence("nothing was done"):
        if name not in COMMANDS:
            raise ValueError(f"No command '{name}'. Known: {', '.join(COMMANDS)}.")
    importlib.import_module(COMMANDS[name][0]).main(words, prog=f"{NAME} {name}")


def usage():
    """Returns how to call the commands, and what each does."""
    lines = [f"  {name:<10} {sentence}" for name, (_, sentence) in COMMANDS.items()]
    return "\n".join(
        [f"usage: {NAME} COMMAND [options]", "", *lines, "", f"{NAME} COMMAND --help shows the options of a command."]
    )


if __name__ == "__main__":
    main()
