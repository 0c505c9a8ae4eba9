"""Export a trained run for TensorFlow Serving: `python -m export --run runs/tril_vae-digits`."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

import zoo
from export import manifest
from export.assertions import LIMITS
from export.errors import ended_by_a_sentence
from export.interruption import noted
from export.saved_model import export


@dataclass(frozen=True)
class Command:
    """Export a trained run: a version is written, checked by TensorFlow's C++ loader, and published."""

    run: str = ""
    """The run's folder, or any that `zoo.save` wrote."""
    out: str = "served"
    """Folder of the served models."""
    name: str | None = None
    """What the served model is called; unset, as the model is."""
    samples: int = 100
    """Draws for the log-likelihood in `score`."""
    aggregated: bool = True
    """Serve draws of the aggregated posterior; they can resemble training examples."""
    components: int = 500
    """Components, at most, that the aggregated posterior is reduced to."""
    max_batch_size: int = 64
    """Maximum batch size of server-side batching, where a server has it on."""
    max_rows: int = LIMITS.rows
    """Maximum number of rows in a request; larger requests are refused."""
    max_pixels: int = LIMITS.pixels
    """Maximum number of pixels in an image file; larger images are refused."""
    replace: bool = False
    """Publish even if the signatures changed incompatibly."""


def main(args=None):
    """The command.

    Args:
        args: its words; None for the process's own.
    """
    with ended_by_a_sentence(), noted():
        command = tyro.cli(Command, args=args)
        if not command.run:
            raise ValueError("Expected the folder of a run, --run runs/<model>-<data>, or make export RUN=<folder>.")
        started, folder = time.monotonic(), Path(command.run).expanduser()
        vae = zoo.load(folder)
        settings = {key: value for key, value in vars(command).items() if key not in ("run", "out", "name")}
        # The folder's name, not its path, which says more of this machine than clients should know.
        source = {"run": folder.resolve().name, "config": config(folder)}
        version = export(vae, Path(command.out).expanduser(), name=command.name or vae.name, source=source, **settings)
    print(summary(version, time.monotonic() - started))


def config(folder):
    """The settings of the run in a folder, of paths their last names; None where a model was merely saved there."""
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    paths = {key: Path(settings[key]).name for key in ("data", "validation_data", "test_data") if settings.get(key)}
    return settings | paths


def summary(version, seconds):
    """What was published, in words.

    Args:
        version: its path.
        seconds: that it took.
    """
    found = manifest.read(version)
    rows = [
        f"  {name:<22} {_names(s['inputs']):<18} → {_names(s['outputs'])}" for name, s in found["signatures"].items()
    ]
    size = sum(path.stat().st_size for path in version.rglob("*") if path.is_file()) / 2**20
    aggregated = found["aggregated"]
    told = (
        f"without sample_aggregated: {aggregated['left_out']}"
        if "left_out" in aggregated
        else f"sample_aggregated draws from {_components(aggregated)}; --no-aggregated leaves it out"
    )
    return "\n".join(
        [
            *rows,
            told,
            f"{version}: {len(rows)} signatures, {size:.1f} MiB, proved by TensorFlow's C++ loader, {seconds:.0f} s",
        ]
    )


def _components(aggregated):
    count, examples, kl = (aggregated[key] for key in ("components", "examples", "kl_from_all"))
    if examples is None or count >= examples:
        return "1 component" if count == 1 else f"{count} components"
    lost = "" if kl is None else f", {kl:.2f} nats from all"
    return (
        f"{count} {'component' if count == 1 else 'components'} for {examples} examples{lost} (--components takes more)"
    )


def _names(tensors):
    return ", ".join(tensors)


if __name__ == "__main__":
    main(sys.argv[1:])
