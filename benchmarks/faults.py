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
from training import run

WORDS = ["--epochs", "60", "--warmup", "5", "--checkpoint-steps", "20", "--test-examples", "2", "--samples", "1"]


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
            moment = "checkpoint" if i < settings.in_checkpoint else draws.uniform(0.0, 1.0)
            out = Path(folder) / "killed"
            when, files = kill(train(settings, out), out, moment, draws)
            words = finished(train(settings, out))
            from_step = next((line.split()[4] for line in words if line.startswith("going on from step")), "0")
            print(f"{when:<34} {from_step:>18} {files:>30}  {compare(never_stopped, out)}", flush=True)
            shutil.rmtree(out)


def train(settings, out):
    """A process that trains, evaluating next to nothing."""
    words = ["--model", settings.model, "--out", str(out), "--generated", "0", *WORDS]
    command = [sys.executable, "-m", "training.train", *words]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def kill(process, out, moment, draws):
    """Kills a training.

    Args:
        process: that trains.
        out: into this folder.
        moment: "checkpoint" for while a checkpoint is written, or a share from 0 to 1 of the training's time.
        draws: Python's `random.Random`.

    Returns:
        When, in words; and what was in the folder of checkpoints, in words.
    """
    checkpoints = out / run.CHECKPOINTS
    while not (out / run.CONFIG).is_file():
        time.sleep(0.01)
    if moment == "checkpoint":
        wanted = draws.randint(1, 20)
        temporary, seen = wait_for_writing(checkpoints, wanted, process)
        when = f"while {temporary} was there ({seen}. time)"
    else:
        delay = 3 + 12 * moment
        time.sleep(delay)
        when = f"{delay:.1f} s after its beginning"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    left = sorted({path.name.split(".")[0] for path in checkpoints.glob("step-*")})
    return when, " ".join(left[-2:]) or "none"


def wait_for_writing(checkpoints, wanted, process):
    """Waits until a temporary file of a checkpoint is there, for the `wanted`-th time."""
    seen = 0
    last = None
    while process.poll() is None:
        for name in os.listdir(checkpoints) if checkpoints.is_dir() else []:
            if ("temp" in name or "tempstate" in name) and name != last:
                seen, last = seen + 1, name
                if seen >= wanted:
                    return name[:18], seen
    raise RuntimeError("The training ended before it could be killed.")


def finished(process):
    """The lines that a process prints until it ends well."""
    words, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(words[-2000:])
    return words.splitlines()


def compare(folder, other):
    """Whether two runs have equal weights, and equal rows for all epochs."""
    pairs = zip(zoo.load(folder).get_weights(), zoo.load(other).get_weights(), strict=True)
    weights = all(np.array_equal(a, b) for a, b in pairs)
    history = (folder / run.HISTORY).read_bytes() == (other / run.HISTORY).read_bytes()
    names = {(True, True): "bit-equal", (True, False): "weights equal, history not"}
    return names.get((weights, history), "DIFFERENT")


if __name__ == "__main__":
    main()
