"""Kills training runs and lets them go on: `python -m benchmarks.faults`."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from tqdm import tqdm

import zoo
from training import run_folder as run

EPOCHS = 60
WORDS = ["--epochs", str(EPOCHS), "--warmup", "5", "--checkpoint-steps", "20", "--test-examples", "2"]
WORDS += ["--samples", "1", "--generated", "0", "--no-aggregated"]


@dataclass(frozen=True)
class Settings:
    """Trains a model on the digits once without a stop, and again and again with one, and compares bit for bit."""

    model: str = "tril_vae"
    """A model of the catalogue."""
    kills: int = 20
    """How many runs are killed (SIGKILL), each once, at a random moment of its training."""
    in_checkpoint: int = 8
    """How many of them while a checkpoint is being written."""
    seed: int = 0
    """Of the moments."""


def main():
    """Prints a table: when each run was killed, from where it went on, and whether it came to the same bits."""
    settings = tyro.cli(Settings)
    draws = random.Random(settings.seed)
    with tempfile.TemporaryDirectory() as folder:
        never_stopped = Path(folder) / "never_stopped"
        start = time.monotonic()
        train(settings, never_stopped).wait()
        print(f"never stopped: {time.monotonic() - start:.0f} s")
        print(f"{'killed':<34} {'went on from step':>18} {'files at the kill':>30}  outcome")
        for i in tqdm(range(settings.kills), "kills", leave=False):
            out = Path(folder) / f"killed_{i}"
            moment = draws.randint(0, 500) if i < settings.in_checkpoint else draws.uniform(0, EPOCHS - 1)
            when, files = kill(train(settings, out), out, moment)
            words = finished(train(settings, out))
            from_step = next((line.split()[4] for line in words if line.startswith("going on from step")), "0")
            print(f"{when:<34} {from_step:>18} {files:>30}  {compare(never_stopped, out)}", flush=True)
            shutil.rmtree(out)


def train(settings, out):
    """Starts a process that trains, and evaluates next to nothing."""
    words = ["--model", settings.model, "--out", str(out), *WORDS]
    command = [sys.executable, "-m", "training.train", *words]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def kill(process, out, moment):
    """Kills a training.

    Args:
        process: that trains.
        out: into this folder.
        moment: a whole number for while a checkpoint of a later step than that is written, or how many epochs to
            wait for.

    Returns:
        When, in words; and which checkpoints were there, whole or not.
    """
    checkpoints = out / run.CHECKPOINTS
    if isinstance(moment, int):
        when = f"while {wait_for_writing(checkpoints, moment, process)} was there"
    else:
        when = f"after {epochs(out, process, int(moment))} epochs and {moment % 1 / 10:.3f} s"
        time.sleep(moment % 1 / 10)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = sorted({path.name.split(".")[0] for path in checkpoints.glob("step-*")}, key=lambda name: name[5:].zfill(9))
    return when, " ".join(left[-2:]) or "none"


def wait_for_writing(checkpoints, step, process):
    """Waits for a checkpoint of a later step than that one to be written, and returns its temporary file's name."""
    while process.poll() is None:
        for name in os.listdir(checkpoints) if checkpoints.is_dir() else []:
            if "_temp" in name and int(name.removeprefix("step-").split("_")[0]) > step:
                return name
        time.sleep(0.001)
    raise RuntimeError("The training ended before it could be killed.")


def epochs(out, process, wanted):
    """Waits for epochs, and returns how many are over."""
    while process.poll() is None:
        found = (out / run.HISTORY).read_text().count("\n") - 1 if (out / run.HISTORY).is_file() else 0
        if found >= wanted and (out / run.CONFIG).is_file():
            return found
        time.sleep(0.001)
    raise RuntimeError("The training ended before it could be killed.")


def finished(process):
    """Returns the lines that a process prints until it ends well."""
    words, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(words[-2000:])
    return words.splitlines()


def compare(folder, other):
    """Returns whether two runs have equal weights, and equal rows for all epochs."""
    pairs = zip(zoo.load(folder).get_weights(), zoo.load(other).get_weights(), strict=True)
    weights = all(np.array_equal(a, b) for a, b in pairs)
    history = (folder / run.HISTORY).read_bytes() == (other / run.HISTORY).read_bytes()
    names = {(True, True): "bit-equal", (True, False): "weights equal, history not"}
    return names.get((weights, history), "DIFFERENT")


if __name__ == "__main__":
    main()
