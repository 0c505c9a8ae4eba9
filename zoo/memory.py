"""Whether a model, and a step of its training, fit into this machine's memory: counted before anything is allocated."""

import math
import os
from contextlib import contextmanager

import keras
import tensorflow as tf

TRAINED = 4  # numbers for each one that is trained: itself, its gradient and Adam's two moments
KEPT = 3  # numbers that a step keeps for each output of a layer: itself, what it was made of, its gradient
FLOAT = 4  # bytes
SHARE = 0.5  # of the memory, for what is computed at once: there is more than what is counted


def of_this_machine():
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def counted_weights(copies=TRAINED):
    """Refuses the first weight that would take a model over the machine's memory, before it is allocated.

    Args:
        copies: numbers in memory for each one that is trained; 1 for a model that is only evaluated.

    Raises:
        ValueError: a weight did.
    """
    numbers = size = 0

    def count_first(create, **arguments):
        nonlocal numbers, size
        shape, dtype = _shape_of(arguments["initial_value"])
        numbers += math.prod(shape)
        size += math.prod(shape) * dtype.size * (copies if arguments.get("trainable") else 1)
        check(
            size,
            f"the model to fit into memory, but up to its weight '{arguments.get('name')}' of shape {shape} it has "
            f"{numbers:,} parameters, which take",
            "Give a smaller latent, smaller hidden layers, or fewer filters, components or reflections",
        )
        return create(**arguments)

    with tf.variable_creator_scope(count_first):
        yield


def _shape_of(initial_value):
    """Returns the shape and the dtype of a weight's initial value, without computing it."""
    with tf.Graph().as_default():
        value = tf.convert_to_tensor(initial_value() if callable(initial_value) else initial_value)
    return value.shape.as_list(), value.dtype


def check(size, what, instead, share=1.0):
    """Checks that so much fits into the machine's memory.

    Args:
        size: bytes.
        what: what is expected to, in words that end before how much it takes.
        instead: what to give instead, a sentence without its full stop.
        share: of the memory, that it may take.

    Raises:
        ValueError: it does not fit.
    """
    memory = of_this_machine()
    if size > share * memory:
        limit = "" if share == 1 else f", of which it may take {_in_words(share * memory)}"
        raise ValueError(
            f"Expected {what} about {_in_words(size)}; this machine has {_in_words(memory)}{limit}. {instead}."
        )


def check_step(vae, batch=1):
    """Checks that a step of training fits: what its networks and densities give for all draws of all examples.

    Args:
        vae: a built `zoo.VAE`.
        batch: examples for a step, on a replica.

    Raises:
        ValueError: it does not fit.
    """
    samples, upper = vae.objective.samples, getattr(vae.prior, "upper", vae.prior)
    if vae.objective.stratified and vae.posterior.stratified:
        samples *= vae.posterior.components
    components = getattr(upper, "components", 1)
    encoded = batch + (components if upper.of_posteriors else 0)
    numbers = encoded * outputs(vae.encoder) + batch * samples * (outputs(vae.decoder) + components)
    check(
        KEPT * FLOAT * numbers,
        f"a step of training to fit into memory, but one on {batch:,} examples with samples={samples:,}"
        + (f" and components={components:,} of the prior takes" if components > 1 else " takes"),
        "Give fewer samples, a smaller batch size, fewer components of the prior or smaller networks",
        SHARE,
    )


def check_points(network, count, what):
    """Checks that what a network gives for so many points at once fits.

    Args:
        network: a Keras model.
        count: how many points; None where that is not known yet.
        what: what they are, in words.

    Raises:
        ValueError: it does not fit.
    """
    takes = f"{what} to fit into memory, but {count or 0:,} of them at once take"
    check(FLOAT * outputs(network) * (count or 0), takes, "Give fewer at once", SHARE)


def outputs(network):
    """Counts the numbers that the layers of a network return for one point."""
    return sum(outputs(layer) if isinstance(layer, keras.Model) else _output(layer) for layer in network.layers)


def _output(layer):
    try:
        shapes = layer.output.shape if keras.backend.is_keras_tensor(layer.output) else ()
    except (AttributeError, ValueError):
        shapes = ()  # a layer of a network of the user's, that was called in no graph
    return math.prod(size or 1 for size in shapes[1:])


def _in_words(size):
    return f"{size / 2**30:,.1f} GiB"
