"""What a refined q(z|x) gives on test images: `python -m benchmarks.refinement --data-dir data`.

For each preset, the encoder's q(z|x), the best one of its family and the best one of other families are compared by
their ELBO, by importance sampling from them, and by their effective sample sizes.
"""

import time
from dataclasses import dataclass

import numpy as np
import tyro

import zoo
from training.data.named import load_dataset
from training.evaluation.estimate import Estimate
from zoo.registry import spec_of

LOW = 10  # effective samples


@dataclass(frozen=True)
class Settings:
    """Refine q(z|x) of test images, and print a table of what that gives."""

    presets: tuple[str, ...] = ("diag_vae-static_mnist", "tril_vae-static_mnist")
    """Models."""
    posteriors: tuple[str, ...] = ("diag", "tril")
    """Families to refine in, beside the model's own."""
    data: str = "static_mnist"
    """Data set whose test examples are refined."""
    examples: int = 100
    """How many of them."""
    steps: int = 300
    """Steps of each refinement."""
    samples: int = 1_000
    """Importance samples per example."""
    data_dir: str | None = None
    """Folder with the original data files; unset, ZOO_DATA_DIR, else a cache folder and a download."""


def main():
    """Runs the command."""
    settings = tyro.cli(Settings)
    x = np.float32(load_dataset(settings.data, data_dir=settings.data_dir).test[: settings.examples])
    print(
        "| preset | q(z|x) | ELBO | gained | log-likelihood | effective sample size | seconds |".replace("z|x", "z\\|x")
    )
    print("|---|---|---|---|---|---|---|")
    for preset in settings.presets:
        vae = zoo.VAE.from_preset(preset)
        encoded = vae.score(x, settings.samples)
        print(line(preset, "the encoder's", encoded, encoded, None), flush=True)
        for posterior in (None, *(name for name in settings.posteriors if name != spec_of(vae.posterior))):
            start = time.perf_counter()
            found = vae.refine(x, settings.steps, posterior).score(settings.samples)
            seconds = time.perf_counter() - start
            what = "refined" if posterior is None else f"refined as `{posterior}`"
            print(line(preset, what, found, encoded, seconds), flush=True)


def line(preset, what, found, encoded, seconds):
    """Returns a line of the table.

    Args:
        preset: name of the model.
        what: which q(z|x).
        found: `zoo.model.scores.Scores` of it.
        encoded: those of the encoder's q(z|x).
        seconds: that it took, compiling included; None for the encoder's.
    """
    size = found.effective_sample_size
    cells = [
        f"`{preset}`",
        what,
        f"{np.mean(found.elbo):.2f}",
        "" if seconds is None else str(Estimate.mean(found.elbo - encoded.elbo)),
        f"{np.mean(found.log_likelihood):.2f}",
        f"{np.median(size):.1f}, {np.mean(size < LOW):.0%} under {LOW}",
        "" if seconds is None else f"{seconds:.0f}",
    ]
    return f"| {' | '.join(cells)} |".replace("| -", "| −")


if __name__ == "__main__":
    main()
