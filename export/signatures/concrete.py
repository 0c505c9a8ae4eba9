"""From the table of signatures to those of a model: checked inputs, image files, concrete functions."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from export.signatures import table  # noqa: F401  # fills the table
from export.signatures.assertions import few_rows, require, small_images
from export.signatures.entry import TABLE
from export.signatures.inputs import INPUTS
from zoo.commands.signals import raise_if_interrupted
from zoo.data import images
from zoo.data import support as supports


class Served(NamedTuple):
    """A signature of a model.

    Args:
        inputs: the inputs' names.
        function: of named tensors to a dictionary of tensors.
        unit: of its outputs, see `export.signatures.entry.Entry`.
    """

    inputs: list[str]
    function: Callable
    unit: str | None = None


def functions(model):
    """Returns the signatures of a model as Python functions.

    Args:
        model: a `FrozenModel`.

    Returns:
        name -> `Served`.
    """
    found = {}
    for name, entry in TABLE.items():
        if entry.exists(model):
            names = list(inspect.signature(entry.function).parameters)[1:]
            found[name] = Served(names, partial(_served, model, entry.function), entry.unit)
            if entry.takes_bytes and model.is_of_images:
                found[f"{name}_bytes"] = of_bytes(model, found[name])
    return found


def signatures(model):
    """Returns the same, ready to be saved: name -> concrete function of named tensors, of any number of rows.

    Args:
        model: a `FrozenModel`.
    """
    concrete = {}
    for name, served in functions(model).items():
        raise_if_interrupted()
        of_pixels = concrete.get(name.removesuffix("_bytes"))  # is traced already
        if of_pixels is not None:
            served = of_bytes(model, Served(list(of_pixels.structured_input_signature[1]), of_pixels))
        specs = {key: INPUTS[key].spec(model.vae) for key in served.inputs}
        arguments = {key: tf.TensorSpec(spec.shape, spec.dtype, name=key) for key, spec in specs.items()}
        concrete[name] = tf.function(served.function, autograph=False).get_concrete_function(**arguments)
    return concrete


def of_bytes(model, served):
    """Returns a signature of x as one of image files.

    Args:
        model: a `FrozenModel`.
        served: `Served`.
    """

    def of_images(**inputs):
        image_bytes = tf.ensure_shape(inputs.pop("image_bytes"), [None])
        with tf.control_dependencies([few_rows(image_bytes, model.limits)]):
            image_bytes = tf.identity(image_bytes)
        with tf.control_dependencies([small_images(image_bytes, model.limits)]):
            return served.function(x=pixels(model.vae, tf.identity(image_bytes)), **inputs)

    names = ["image_bytes" if name == "x" else name for name in served.inputs]
    return Served(names, of_images, served.unit)


def _served(model, function, **inputs):
    outputs = function(model, **checked(model, inputs))
    return {name: _sendable(name, value) for name, value in outputs.items()}


def _sendable(name, value):
    """Returns an output as JSON can say it: floats in 32 bits, and finite."""
    value = tf.convert_to_tensor(value)
    if not value.dtype.is_floating:
        return value
    return tf.debugging.check_numerics(tf.cast(value, tf.float32), f"'{name}' is not finite for these inputs")


def checked(model, inputs):
    """Returns the inputs with checks of what the model takes; the server itself has none.

    Args:
        model: a `FrozenModel`.
        inputs: name -> tensor.

    Raises:
        tf.errors.InvalidArgumentError: when it runs: they are not.
    """
    tensors = {name: tf.ensure_shape(tensor, INPUTS[name].spec(model.vae).shape) for name, tensor in inputs.items()}
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
    """Asserts that numbers are finite and in their support."""
    support = INPUTS[name].support(vae)
    if support is None:
        return
    message = f"Expected {name} to be finite and in {supports.get(support).description} (support {support})."
    yield require(supports.get(support).contains_in_graph(tensor), message)


def pixels(vae, image_bytes):
    """Returns image files [B] as data [B, *x] of a model."""
    *size, channels = vae.event_shape
    levels = tf.map_fn(
        lambda content: images.decode(content, size, channels), image_bytes, fn_output_signature=tf.uint8
    )
    return images.from_levels(tf.ensure_shape(levels, [None, *vae.event_shape]), vae.support)
