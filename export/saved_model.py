"""Exports a model as a version for TensorFlow Serving: written, linted, proved, published."""

import math
from importlib.metadata import version as package_version
from pathlib import Path

import tensorflow as tf

import zoo
from export import manifest, publish, warmup
from export.checks.lint import SIGNATURE, lint
from export.checks.proof import Loader, prove
from export.errors import ExportError
from export.limits import LIMITS, Limits
from export.serving import configuration
from export.signatures.concrete import functions, signatures
from export.signatures.frozen_model import FrozenModel
from export.signatures.table import DEFAULT
from export.signatures.to_float32 import in_float32
from zoo.checks import check_int
from zoo.commands.messages import words
from zoo.data import support as supports
from zoo.model.tuning.lora import without_lora
from zoo.registry import name_of
from zoo.samplers import CompressedPosteriorSampler

BATCHING = "batching_params.pbtxt"
VERSIONS = ("tensorflow", "keras", "tensorflow-probability")  # of packages in the manifest


def export(
    vae,
    folder,
    *,
    name=None,
    source=None,
    samples=100,
    aggregated=True,
    components=500,
    max_batch_size=64,
    max_rows=LIMITS.rows,
    max_pixels=LIMITS.pixels,
    refine_steps=0,
    replace=False,
    progress=True,
):
    """Publishes a model as the next version in a folder.

    Args:
        vae: a `zoo.VAE`.
        folder: folder of the served models, "served"; the version goes to `<folder>/<name>/<number>`.
        name: name of the served model; None for the model's own.
        source: origin of the model, for the manifest.
        samples: K, importance samples of a `score`.
        aggregated: whether to serve samples from the aggregated posterior, if one was saved with the model.
        components: M, maximum number of its components.
        max_batch_size: maximum number of rows in a batch of a server with batching on.
        max_rows: maximum number of rows in a request; larger requests are refused.
        max_pixels: maximum number of pixels in an image file; larger images are refused.
        refine_steps: steps that refine the posterior of a row in `encode_refined` and `score_refined`; 0 to serve
            neither.
        replace: whether to publish even if the signatures changed incompatibly.
        progress: whether to show a progress bar.

    Returns:
        Path of the version.

    Raises:
        ExportError: it failed a check; nothing is left behind.
        ValueError: a setting is out of range, or clients of the last version could not use this one.
        OSError: it cannot be written.
    """
    samples, max_batch_size = check_int(samples, "samples"), check_int(max_batch_size, "max_batch_size")
    limits, refine_steps = _limits(max_rows, max_pixels, max_batch_size), check_int(refine_steps, "refine_steps", 0)
    name, vae = served_name(vae.name if name is None else name), in_float32(without_lora(vae))
    sampler, aggregated = _aggregated(vae, aggregated, check_int(components, "components"))
    model = FrozenModel(vae, sampler, samples, limits, refine_steps)
    concrete = signatures(model)
    if not replace:
        _check_clients(Path(folder) / name, concrete)

    about = {"name": name, "source": source, "score_samples": samples, "max_batch_size": max_batch_size}
    about |= {"max_rows": limits.rows, "max_pixels": limits.pixels, "refine_steps": refine_steps}
    about |= {"aggregated": aggregated} | _about(vae, concrete)

    def build(version):
        write(version, concrete)
        warmup.write(version, vae, name, concrete)
        (version / BATCHING).write_text(batching(max_batch_size))
        manifest.write(version, about)
        findings = lint(version)
        if findings:
            raise ExportError("The SavedModel cannot be served.\n" + "\n".join(map(str, findings)))
        with Loader(version) as loader:
            prove(loader, vae, functions(model), progress, max_rows=limits.rows)

    try:
        version = publish.publish(Path(folder) / name, build)
    except tf.errors.OpError as error:  # a full disk, or a signature that fails in Python
        raise ExportError(f"TensorFlow says: {words(error)}. Nothing was published.") from error
    try:
        configuration.write(folder)
    except OSError as error:
        raise OSError(f"'{version}' is published, but the servers' configuration was not updated: {error}.") from error
    return version


def write(folder, concrete):
    """Writes concrete functions as a SavedModel with each of their variables once, and nothing else.

    Args:
        folder: path.
        concrete: name -> concrete function.
    """
    root = tf.Module()
    root.weights = list({id(variable): variable for f in concrete.values() for variable in f.variables}.values())
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(root, str(folder), signatures=concrete | {SIGNATURE: concrete[DEFAULT]}, options=options)


def served_name(name):
    """Returns the name of a served model, if a server accepts it.

    Args:
        name: text.

    Raises:
        ValueError: it does not.
    """
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
    if name in configuration.FILES:
        raise ValueError(f"'{name}' is the name of a file beside the models. Choose another one with --name.")
    if not name or set(name) - allowed or name.startswith((".", "-")):
        raise ValueError(f"Expected a name of letters, digits, '_', '-' and '.', as it is part of URLs, got {name!r}.")
    return name


def batching(most):
    """Returns the server's settings for batching.

    They name no sizes to pad batches to: without XLA these save nothing, and padding a batch of 0 rows ends the server.

    Args:
        most: maximum number of rows in a batch.
    """
    settings = {"max_batch_size": most, "batch_timeout_micros": 1000, "max_enqueued_batches": 100}
    return "".join(f"{name} {{ value: {value} }}\n" for name, value in settings.items())


def _limits(max_rows, max_pixels, max_batch_size):
    """Returns the `Limits` of a request, see `export`."""
    limits = Limits(
        rows=check_int(max_rows, "max_rows", below=2**31), pixels=check_int(max_pixels, "max_pixels", below=2**31)
    )
    if max_batch_size > limits.rows:
        raise ValueError(
            f"Expected max_batch_size to be at most max_rows, got {max_batch_size} and {limits.rows}. Raise max_rows."
        )
    return limits


def _aggregated(vae, wanted, components):
    """Returns the sampler of the aggregated posterior, or None, and the manifest's entry about it."""
    whole, compressed = (vae.samplers.fitted.get(name) for name in ("aggregated", "compressed"))
    if not wanted:
        return None, {"left_out": "asked for by --no-aggregated"}
    if compressed is None and whole is None:
        return None, {"left_out": "no aggregated posterior was saved with the model"}
    if compressed is not None and compressed.components <= components:
        sampler = compressed
    elif whole is not None:
        sampler = whole.compress(components)
    else:
        raise ValueError(
            f"The aggregated posterior that was saved with the model has {compressed.components} components, more than "
            f"{components}. Raise --components, or leave it out with --no-aggregated."
        )
    of_normals = isinstance(sampler, CompressedPosteriorSampler)
    return sampler, {
        "sampler": name_of(sampler),
        "components": sampler.components if of_normals else sampler.params.shape[0],
        "examples": None if whole is None else whole.params.shape[0],
        "kl_from_all": sampler.kl if of_normals else None,
    }


def _about(vae, concrete):
    low, high = supports.get(vae.support).limits
    return {
        "model": vae.name,
        "parts": {role: part for role, (part, _) in zoo.describe(vae).parts.items()},
        "event_shape": list(vae.event_shape),
        "latent": vae.latent_size,
        "support": vae.support,
        "input_range": [float(limit) if math.isfinite(limit) else None for limit in (low, high)],
        "signatures": {key: manifest.tensors(function) for key, function in sorted(concrete.items())},
        "versions": {package: package_version(package) for package in VERSIONS},
    }


def _check_clients(folder, concrete):
    there = publish.versions(folder)
    last = manifest.read(there[-1]) if there else None
    lost = manifest.missing(last["signatures"], {k: manifest.tensors(f) for k, f in concrete.items()}) if last else []
    if lost:
        shown = "; ".join(lost[:3]) + (f"; and {len(lost) - 3} more" if len(lost) > 3 else "")
        raise ValueError(
            f"Clients of '{there[-1]}' could not use this version: {shown}. "
            f"Choose another name with --name, or publish it anyway with --replace."
        )
