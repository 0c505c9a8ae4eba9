"""Estimates of memory and work: whether a model and a training step fit into this machine, before any allocation."""

import math
import os
from contextlib import contextmanager
from contextvars import ContextVar

import keras
import tensorflow as tf

FLOATS_PER_PARAMETER = 4  # per trainable parameter: itself, its gradient and Adam's two moments
FLOATS_PER_OUTPUT = 3  # that a step keeps per output of a layer: itself, its pre-activation, its gradient
BYTES_PER_FLOAT = 4
ACTIVATION_SHARE = 0.5  # share of the memory for activations, because the estimate does not count everything

_work = ContextVar("work", default=math.inf)


@contextmanager
def work_limit(multiplications):
    """Refuses, within the context, models whose check when they are built takes more multiplications.

    Args:
        multiplications: their number.
    """
    token = _work.set(multiplications)
    try:
        yield
    finally:
        _work.reset(token)


def total_memory():
    """Returns the machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def memory_limit(copies=FLOATS_PER_PARAMETER):
    """Raises an error, within the context, before a weight is allocated with which the model would exceed the memory.

    Args:
        copies: floats in memory per trainable parameter; 1 for a model that is only evaluated.

    Raises:
        ValueError: a weight would exceed the memory.
    """
    numbers = size = 0

    def count_first(create, **arguments):
        nonlocal numbers, size
        shape, dtype = shape_of(arguments["initial_value"])
        numbers += math.prod(shape)
        size += math.prod(shape) * dtype.size * (copies if arguments.get("trainable") else 1)
        check(
            size,
            f"the model to fit into memory, but up to its weight '{arguments.get('name')}' of shape {shape} it has "
            f"{numbers:,} parameters, which take",
            "Use a smaller latent size, smaller hidden layers, or fewer filters, components or reflections",
        )
        return create(**arguments)

    with tf.variable_creator_scope(count_first):
        yield


def shape_of(initial_value):
    """Returns the shape and the dtype of a weight's initial value, without computing it."""
    with tf.Graph().as_default():
        value = tf.convert_to_tensor(initial_value() if callable(initial_value) else initial_value)
    return value.shape.as_list(), value.dtype


def check(size, what, instead, share=1.0):
    """Checks that a size fits into the machine's memory.

    Args:
        size: bytes.
        what: start of the message, up to the size: "the model to fit into memory, but it takes".
        instead: end of the message, the remedy, without a full stop.
        share: share of the memory that may be used.

    Raises:
        ValueError: it does not fit.
    """
    memory = total_memory()
    if size > share * memory:
        limit = "" if share == 1 else f", of which {_in_gib(share * memory)} may be used"
        raise ValueError(
            f"Expected {what} about {_in_gib(size)}; this machine has {_in_gib(memory)}{limit}. {instead}."
        )


def check_step(vae, batch=1):
    """Checks that a training step fits: the outputs of networks and densities for all draws of all examples.

    Args:
        vae: a built `zoo.VAE`.
        batch: batch size of a replica.

    Raises:
        ValueError: it does not fit.
    """
    samples, upper = vae.objective.samples, getattr(vae.prior, "top_layer", vae.prior)
    if vae.objective.accepts_strata and vae.posterior.has_strata:
        samples *= vae.posterior.components
    components = getattr(upper, "components", 1)
    encoded = batch + (components if upper.is_mixture_of_posteriors else 0)
    numbers = encoded * outputs(vae.encoder) + batch * samples * (outputs(vae.decoder) + components)
    check(
        FLOATS_PER_OUTPUT * BYTES_PER_FLOAT * numbers,
        f"a training step to fit into memory, but one on {batch:,} examples with samples={samples:,}"
        + (f" and components={components:,} of the prior takes" if components > 1 else " takes"),
        "Use fewer samples, a smaller batch size, fewer components of the prior or smaller networks",
        ACTIVATION_SHARE,
    )
    work = encoded * _multiplications(vae.encoder) + batch * _multiplications(vae.decoder)
    if work > _work.get():
        raise ValueError(f"Expected networks of at most {_work.get():.0e} multiplications, got about {work:.0e}.")


def _multiplications(network):
    """Counts a network's multiplications for one point: of each weight with each position in its layer's output."""
    layers = [(layer, math.prod(size or 1 for size in _shape(layer)[1:-1])) for layer in network.layers]
    return sum(
        _multiplications(layer) if isinstance(layer, keras.Model) else positions * layer.count_params() + _output(layer)
        for layer, positions in layers
    )


def check_points(network, count, what):
    """Checks that a network's outputs for a batch of points fit.

    Args:
        network: a Keras model.
        count: number of points; None if unknown.
        what: name of the points in messages.

    Raises:
        ValueError: it does not fit.
    """
    takes = f"{what} to fit into memory, but {count or 0:,} of them at once take"
    check(BYTES_PER_FLOAT * outputs(network) * (count or 0), takes, "Use fewer at once", ACTIVATION_SHARE)


def outputs(network):
    """Counts the outputs of all layers of a network for one point."""
    return sum(outputs(layer) if isinstance(layer, keras.Model) else _output(layer) for layer in network.layers)


def _output(layer):
    return math.prod(size or 1 for size in _shape(layer)[1:])


def _shape(layer):
    try:
        return layer.output.shape if keras.backend.is_keras_tensor(layer.output) else ()
    except (AttributeError, ValueError):
        return ()  # a layer of a user's network that was not called symbolically


def _in_gib(size):
    return f"{size / 2**30:,.1f} GiB"
