"""What an export of each model takes: `python -m benchmarks.exports`."""

import tempfile
import time
from dataclasses import dataclass

import numpy as np
import tyro

import zoo
from export import manifest
from export.checks import c_api
from export.saved_model import export


@dataclass(frozen=True)
class Settings:
    """Exports each model of the catalogue, untrained, for images of 28×28 zeros and ones; every check is made."""

    models: tuple[str, ...] = tuple(zoo.model_names())
    """Models of the catalogue."""
    examples: int = 500
    """Examples of the aggregated posterior."""


def main():
    """Prints a table: signatures, seconds of the export, sizes, and seconds to load it in the C++ loader."""
    settings = tyro.cli(Settings)
    x = np.float32(np.random.default_rng(0).integers(0, 2, (settings.examples, 28, 28, 1)))
    print(f"{'model':<16} {'signatures':>10} {'export':>8} {'files':>9} {'graph':>9} {'load':>8}")
    for name in settings.models:
        vae = zoo.build(name, (28, 28, 1), "binary")
        vae.add_sampler("aggregated", x, progress=False)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            version = export(vae, folder, progress=False)
            seconds = time.perf_counter() - start
            files = sum(path.stat().st_size for path in version.rglob("*") if path.is_file()) / 2**20
            graph = (version / "saved_model.pb").stat().st_size / 2**10
            count = len(manifest.read(version)["signatures"])
            print(
                f"{name:<16} {count:>10} {seconds:>6.1f} s {files:>5.1f} MiB {graph:>5.0f} KiB {load(version):>6.2f} s",
                flush=True,
            )


def load(version):
    """Seconds that the C++ loader takes."""
    start = time.perf_counter()
    c_api.SavedModel(version).close()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
