"""Memory and time of training on data larger than memory should hold: `python -m benchmarks.streaming`."""

import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tyro
from tqdm import tqdm

import zoo
from training.data import load_user_data
from training.data.settings import DataSettings

PIXELS = 784


@dataclass(frozen=True)
class Settings:
    """Trains a small model on a .npy file of uint8 images that is streamed, and on an array in memory, in turns."""

    gigabytes: float = 4.0
    """Size of the file, which is made in a temporary folder and removed afterwards."""
    in_memory: int = 50_000
    """Examples of the array in memory."""
    batch_size: int = 100
    """Examples for a step."""
    steps: int = 200
    """Steps in one measurement."""
    rounds: int = 5
    """Measurements of each; the median counts."""
    folder: str | None = None
    """Where to put the file; unset, the system's folder for such."""


class PeakMemory(threading.Thread):
    """Watches the anonymous memory of this process, which no file can give back to the system, in bytes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak = 0

    def run(self):
        while True:
            self.peak = max(self.peak, anonymous_memory())
            time.sleep(0.01)


def main():
    """Prints the peak of anonymous memory after each stage, and the milliseconds that a step takes."""
    settings = tyro.cli(Settings)
    memory = PeakMemory()
    memory.start()
    with tempfile.TemporaryDirectory(dir=settings.folder) as folder:
        path = Path(folder) / "large.npy"
        make(path, settings.gigabytes)
        small = path.with_name("small.npy")
        np.save(small, np.load(path, mmap_mode="r")[: settings.in_memory])
        vae = model()
        say("model made", memory)
        start = time.perf_counter()
        large = load_user_data(DataSettings(data=str(path), binarize="dynamic"))
        say(f"first pass over {path.stat().st_size / 1e9:.1f} GB, {time.perf_counter() - start:.0f} s", memory)
        steps = {"streamed": trainer(vae, large, settings)}
        steps["streamed"]()
        say(f"{settings.steps} steps on streamed data", memory)
        steps["in memory"] = trainer(vae, load_user_data(DataSettings(data=str(small), binarize="dynamic")), settings)
        rounds = [{name: step() for name, step in steps.items()} for _ in tqdm(range(settings.rounds), leave=False)]
        for name in steps:
            print(f"{name:<10} {np.median([times[name] for times in rounds]) * 1e3:6.2f} ms a step")
        say("all of it", memory)


def make(path, gigabytes):
    """Writes images of gray levels, some thousand random ones over and over, each time shifted by a level."""
    block = np.random.default_rng(0).integers(0, 256, (10_000, PIXELS), np.uint8)
    n = max(1, round(gigabytes * 1e9 / block.size))
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (n * len(block), PIXELS))
    for i in tqdm(range(n), "make the file", leave=False):
        array[i * len(block) : (i + 1) * len(block)] = block + np.uint8(i % 256)


def model():
    """Builds a small model, compiled."""
    vae = zoo.build("diag_vae", (PIXELS,), "binary")
    vae.compile(keras.optimizers.Adam(1e-3))
    vae.optimizer.build(vae.trainable_variables)
    return vae


def trainer(vae, dataset, settings):
    """Returns a compiled function that trains for some steps and returns the seconds per step."""
    batches = iter(dataset.batches(settings.batch_size, seed=0))
    step = tf.function(vae.train_step, jit_compile=True)

    def train():
        start = time.perf_counter()
        for _ in range(settings.steps):
            logs = step(next(batches))
        float(logs["loss"])  # waits until the last step is done
        return (time.perf_counter() - start) / settings.steps

    train()
    return train


def anonymous_memory():
    """Returns RssAnon of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return 1024 * int(line.split()[1])
    return 0


def say(stage, memory):
    """Prints the memory of a stage."""
    print(f"{stage}: anonymous memory {anonymous_memory() / 2**20:,.0f} MiB, at most {memory.peak / 2**20:,.0f} MiB")


if __name__ == "__main__":
    main()
