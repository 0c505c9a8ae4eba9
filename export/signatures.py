"""The serving signatures: a function each, rows of tensors ↦ rows of tensors.

To write one: a function of a `ServedModel` and of inputs by their names, that returns a dictionary of tensors whose
first axes are the rows; what comes of a row depends on no other row. Inputs have these names:

    x, y: data [B, *x] as the model was trained on them, in their own units;
    z: latent points [B, L];
    seed: whole numbers [B, 2], of which each row's draws are a function;
    t: numbers [B];
    image_bytes: PNG or JPEG files [B].
"""

import inspect
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from export.assertions import few_rows, require, small_images
from export.frozen_model import each_row
from export.interruption import obey
from export.posterior_parameters import parameters
from zoo.data import images
from zoo.data import support as supports
from zoo.distributions import kl_divergence
from zoo.model.scores import estimate
from zoo.objectives import Terms

DEFAULT = "reconstruct"  # which one is the `serving_default`

_SIGNATURES = {}


class Entry(NamedTuple):
    """A signature of the table.

    Args:
        function: of a `ServedModel` and of the inputs.
        bytes_too: whether models of images have it of image files, too.
        fits: function of a `ServedModel`, whether it has this signature.
    """

    function: callable
    bytes_too: bool
    fits: callable


def signature(function=None, bytes_too=False, fits=lambda model: True):
    """A decorator that puts a function into the table under its own name; for the arguments see `Entry`."""
    if function is None:
        return partial(signature, bytes_too=bytes_too, fits=fits)
    _SIGNATURES[function.__name__] = Entry(function, bytes_too, fits)
    return function


@signature(bytes_too=True)
def reconstruct(model, x):
    """The mean of p(x|z) at the mean of q(z|x)."""
    return {"mean": model.mean(code(model, x))}


@signature(bytes_too=True)
def encode(model, x):
    """q(z|x): its mean `loc` and the parameters of its family."""
    h = model.features(x)
    return parameters(model.vae.posterior(h)) | {"loc": model.location(h)}


@signature(bytes_too=True, fits=lambda model: model.knows_covariance)
def encode_covariance(model, x):
    """The covariance of q(z|x); apart from `encode`, whose answers it would make twice as long."""
    return {"covariance": model.covariance(model.features(x))}


@signature
def encode_sample(model, x, seed):
    """A draw of q(z|x)."""
    return {"z": each_row(lambda h, seed: model.posterior(h[None]).sample(seed=seed)[0], model.features(x), seed)}


@signature
def decode(model, z):
    """Mean and, where the likelihood says it, standard deviation of p(x|z)."""
    px = model.vae.decode(z)
    try:
        return {"mean": px.mean(), "stddev": px.stddev()}
    except NotImplementedError:
        return {"mean": px.mean()}


@signature(fits=lambda model: model.is_of_images)
def decode_png(model, z):
    """The mean of p(x|z) as a PNG file."""
    levels = images.to_levels(model.mean(z), model.vae.support)
    return {"image_bytes": tf.map_fn(tf.io.encode_png, levels, fn_output_signature=tf.string)}


@signature
def sample_prior(model, seed):
    """A draw of p(z), and the mean of p(x|z) there."""
    return sampled(model, model.prior(), seed)


@signature(fits=lambda model: model.aggregated is not None)
def sample_aggregated(model, seed):
    """A draw of the aggregated posterior, and the mean of p(x|z) there."""
    return sampled(model, model.aggregated(), seed)


@signature(bytes_too=True)
def score(model, x, seed):
    """ELBO, log p(x), −E_q log p(x|z) and KL(q(z|x) ‖ p(z)) in nats, as `zoo.VAE.score`; a row has its own draws."""
    vae, h = model.vae, model.features(x)

    def drawn(x, h, seed):
        z, log_qz = model.posterior(h[None]).experimental_sample_and_log_prob(model.samples, seed=seed)  # [K, 1, ...]
        return z[:, 0], log_qz[:, 0], vae.decode(z[:, 0]).log_prob(x)

    z, log_qz, log_px = (tf.einsum("bk...->kb...", rows) for rows in each_row(drawn, x, h, seed))
    q, p = vae.posterior(h), model.prior()
    draws = tf.TensorShape([model.samples, None])
    log_px, log_pz, log_qz = (tf.ensure_shape(log, draws) for log in (log_px, p.log_prob(z), log_qz))  # [K, B]
    terms = Terms(log_px, log_pz, log_qz, kl_divergence(q, p, log_qz, log_pz, z), z, batch_statistic=tf.zeros([]))
    scores = estimate(terms)
    return {name: getattr(scores, name) for name in ("elbo", "log_likelihood", "reconstruction", "kl")}


@signature
def interpolate(model, x, y, t):
    """The mean of p(x|z) at z = (1 − t) E q(z|x) + t E q(z|y)."""
    start, end = tf.split(code(model, tf.concat([x, y], axis=0)), 2)
    t = t[:, None]
    return {"mean": model.mean((1 - t) * start + t * end)}


def code(model, x):
    """The mean of q(z|x): data [B, *x] ↦ [B, L]."""
    return model.location(model.features(x))


def sampled(model, distribution, seed):
    """A draw of a density of z for each seed [B, 2], and the mean of p(x|z) there."""
    z = each_row(lambda seed: distribution.sample(seed=seed), seed)
    return {"z": z, "mean": model.mean(z)}


def functions(model):
    """The signatures of a model as Python functions.

    Args:
        model: a `ServedModel`.

    Returns:
        name -> the names of its inputs, and a function of such tensors to a dictionary of tensors.
    """
    found = {}
    for name, entry in _SIGNATURES.items():
        if entry.fits(model):
            names = list(inspect.signature(entry.function).parameters)[1:]
            found[name] = names, partial(_served, model, entry.function)
            if entry.bytes_too and model.is_of_images:
                found[f"{name}_bytes"] = of_bytes(model, *found[name])
    return found


def signatures(model):
    """The same, ready to be saved: name -> concrete function of named tensors, of any number of rows."""
    concrete = {}
    for name, (names, function) in functions(model).items():
        obey()
        of_pixels = concrete.get(name.removesuffix("_bytes"))  # is traced already
        if of_pixels is not None:
            names, function = of_bytes(model, list(of_pixels.structured_input_signature[1]), of_pixels)
        known = specs(model.vae)
        arguments = {key: tf.TensorSpec(known[key].shape, known[key].dtype, name=key) for key in names}
        concrete[name] = tf.function(function, autograph=False).get_concrete_function(**arguments)
    return concrete


def of_bytes(model, names, function):
    """A signature of data as one of image files: the names of its inputs, and the function."""

    def of_images(**inputs):
        image_bytes = tf.ensure_shape(inputs.pop("image_bytes"), [None])
        with tf.control_dependencies([few_rows(image_bytes, model.limits)]):
            image_bytes = tf.identity(image_bytes)
        with tf.control_dependencies([small_images(image_bytes, model.limits)]):
            return function(x=pixels(model.vae, tf.identity(image_bytes)), **inputs)

    return ["image_bytes" if name == "x" else name for name in names], of_images


def specs(vae):
    """What inputs are, of any signature: name -> `tf.TensorSpec`."""
    data = tf.TensorSpec([None, *vae.event_shape], tf.float32)
    return {
        "x": data,
        "y": data,
        "z": tf.TensorSpec([None, vae.latent_size], tf.float32),
        "seed": tf.TensorSpec([None, 2], tf.int32),
        "t": tf.TensorSpec([None], tf.float32),
        "image_bytes": tf.TensorSpec([None], tf.string),
    }


def _served(model, function, **inputs):
    outputs = function(model, **checked(model, inputs))
    return {name: _sendable(name, value) for name, value in outputs.items()}


def _sendable(name, value):
    """An output as JSON can say it: floats in 32 bits, and finite."""
    value = tf.convert_to_tensor(value)
    if not value.dtype.is_floating:
        return value
    return tf.debugging.check_numerics(tf.cast(value, tf.float32), f"'{name}' is not finite for these inputs")


def checked(model, inputs):
    """The inputs, if they are what the model takes; the server itself does not look at them.

    Args:
        model: a `ServedModel`.
        inputs: name -> tensor.

    Raises:
        tf.errors.InvalidArgumentError: when it runs: they are not.
    """
    known = specs(model.vae)
    tensors = {name: tf.ensure_shape(tensor, known[name].shape) for name, tensor in inputs.items()}
    checks = [check for item in tensors.items() for check in _values(model.vae, *item)]
    (first, one), *others = tensors.items()
    checks.append(few_rows(one, model.limits))
    for name, other in others:
        rows = tf.shape(one)[0], tf.shape(other)[0]
        message = f"Expected as many rows of {first} as of {name}, got ", rows[0], " and ", rows[1], "."
        checks.append(require(rows[0] == rows[1], *message))
    with tf.control_dependencies(checks):
        return {name: tf.identity(tensor) for name, tensor in tensors.items()}


def _values(vae, name, tensor):
    """Asserts that numbers are what they should be."""
    support = {"x": vae.support, "y": vae.support, "z": vae.posterior.space, "t": "real"}.get(name)
    if support is None:
        return
    message = f"Expected {name} to be finite and in {supports.get(support).values} (support {support})."
    yield require(supports.get(support).contains_in_graph(tensor), message)


def pixels(vae, image_bytes):
    """Image files [B] as data [B, *x] of a model."""
    *size, channels = vae.event_shape
    levels = tf.map_fn(
        lambda content: images.decode(content, size, channels), image_bytes, fn_output_signature=tf.uint8
    )
    return images.from_levels(tf.ensure_shape(levels, [None, *vae.event_shape]), vae.support)
