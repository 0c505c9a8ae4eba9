"""Export a trained run for TensorFlow Serving: `python -m export --run runs/tril_vae-digits`."""

import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from export import manifest
from export.limits import LIMITS
from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.quiet import import_tensorflow
from zoo.commands.signals import deferred_signals

RUN = "vae-zoo run"  # `format` in the config.json of a training run


@dataclass(frozen=True)
class ExportCommand:
    """Export a trained run: write a version, check it with TensorFlow's C++ loader, and publish it."""

    run: str = ""
    """Folder of the run, or of a model that `zoo.save` wrote."""
    preset: str = ""
    """Preset to export in place of a run: its name, its folder or hf://owner/name[@revision]."""
    out: str = "served"
    """Folder of the served models."""
    name: str | None = None
    """Name of the served model; unset, the model's own."""
    samples: int = 100
    """Importance samples per example for the log-likelihood in `score`."""
    aggregated: bool = True
    """Serve samples from the aggregated posterior; they can resemble training examples."""
    components: int = 500
    """Maximum number of components to reduce the aggregated posterior to."""
    max_batch_size: int = 64
    """Maximum batch size of server-side batching, if the server has it on."""
    max_rows: int = LIMITS.rows
    """Maximum number of rows in a request; larger requests are refused."""
    max_pixels: int = LIMITS.pixels
    """Maximum number of pixels in an image file; larger images are refused."""
    refine_steps: int = 0
    """Serve `encode_refined` and `score_refined`, which refine the posterior of a row by this many steps; 100 is
    enough for most models. 0 serves neither."""
    replace: bool = False
    """Publish even if the signatures changed incompatibly."""


def main(args=None, prog="python -m export"):
    """Runs the command.

    Args:
        args: its command line; None for the process's own.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("nothing was published"):
        command = tyro.cli(ExportCommand, args=args, prog=prog)
        if bool(command.run) == bool(command.preset):
            raise ValueError(
                "Expected the folder of a run, --run runs/<model>-<data>, or make export RUN=<folder>; or a preset, "
                "--preset <name or folder>, or make export PRESET=<name or folder>."
            )
        with deferred_signals():
            started, version = time.monotonic(), publish(command)
    print(summary(version, time.monotonic() - started))


def publish(command):
    """Exports the run of a command.

    Args:
        command: an `ExportCommand`.

    Returns:
        Path of the version.
    """
    import_tensorflow()
    from export.saved_model import export
    from zoo.presets.loading import build, read
    from zoo.presets.resolving import resolve

    folder = resolve(command.preset or Path(command.run))
    contents = read(folder)
    vae = build(contents)
    settings = {key: value for key, value in vars(command).items() if key not in ("run", "preset", "out", "name")}
    # The folder's name, not its path, which says more of this machine than clients should know.
    source = {"run": folder.resolve().name, "config": config(contents)}
    return export(vae, Path(command.out).expanduser(), name=command.name or vae.name, source=source, **settings)


def config(contents):
    """Returns the settings of the run that a model is of, of paths their last names; None if it is of no run.

    Args:
        contents: the model's `zoo.presets.loading.Contents`.
    """
    from zoo.presets import layout

    try:
        if contents.metadata is not None:
            settings = contents.parsed(layout.TRAINING).get("settings")
        else:
            path = contents.folder / "config.json"
            settings = layout.from_bytes(layout.read_bounded(path, layout.MAX_JSON), path)
            if settings.pop("format", None) != RUN:  # another file's content is not published
                return None
    except (OSError, ValueError):
        return None
    if not isinstance(settings, dict):
        return None
    paths = {key: settings.get(key) for key in ("data", "validation_data", "test_data")}
    if isinstance(settings.get("from"), dict):
        settings["from"] = settings["from"] | {"model": Path(str(settings["from"].get("model"))).name}
    return settings | {key: Path(path).name for key, path in paths.items() if isinstance(path, str)}


def summary(version, seconds):
    """Describes what was published.

    Args:
        version: its path.
        seconds: duration of the export.
    """
    found = manifest.read(version)
    rows = [
        f"  {name:<24} {_names(s['inputs']):<18} → {_names(s['outputs'])}" for name, s in found["signatures"].items()
    ]
    size = sum(path.stat().st_size for path in version.rglob("*") if path.is_file()) / 2**20
    aggregated = found["aggregated"]
    told = (
        f"without sample_aggregated: {aggregated['left_out']}"
        if "left_out" in aggregated
        else f"sample_aggregated samples from {_components(aggregated)}; --no-aggregated leaves it out"
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
    main()
