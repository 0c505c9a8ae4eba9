"""Seconds of commands, each in a process of its own."""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers.workers.protocol import seconds_of, serve

COMMANDS = {
    "help": ["-m", "training.train", "--help"],
    "import zoo": ["-c", "import zoo; zoo.build"],  # which is imported when it is first used
    "import tensorflow": ["-c", "import tensorflow"],
    "import tfp": ["-c", "from zoo.probability import tfd; tfd.Normal"],  # which is imported when it is first used
    "train": ["-m", "training.train", "--model", "tril_vae", "--data", "digits"],
}


def prepare(settings):
    """Prepares a command.

    Args:
        settings: `command`, one of `COMMANDS`; and for "train", perhaps `epochs`.
    """
    words = [sys.executable, *COMMANDS[settings["command"]]]

    def run():
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            out = ["--out", str(Path(folder) / "run")] if settings["command"] == "train" else []
            epochs = ["--epochs", str(settings["epochs"])] if "epochs" in settings else []
            call = [*words, *out, *epochs]
            return {"seconds": seconds_of(lambda: subprocess.run(call, check=True, stdout=subprocess.DEVNULL))}

    if settings["command"] != "train":
        run()  # reads the files of the libraries into the system's cache
    return run, {"versions": {"python": sys.version.split()[0]}}


if __name__ == "__main__":
    serve(prepare)
