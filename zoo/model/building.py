"""Building a model by its name in the catalog."""

import math
import random
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import keras

from zoo.catalog import recipe
from zoo.checks import check_int, check_seed
from zoo.data import support as supports
from zoo.memory import memory_limit
from zoo.model.vae import VAE
from zoo.registry import build as build_part


def build(name: str, event_shape: Sequence[int] | int, support: str, *, seed: int = 0, **overrides: Any) -> VAE:
    """Builds a new model by name.

        vae = zoo.build("tril_vae", event_shape=(28, 28, 1), support="binary", latent=40)

    Args:
        name: one of `model_names()`.
        event_shape: shape of one x.
        support: the set that x lies in: binary, levels, simplex, unit or real.
        seed: random seed of the initial weights and of all draws.
        **overrides: fields of `Recipe`, e.g. `latent=40, posterior="tril", prior="mixture(components=100)",
            network={"name": "mlp", "hidden": (500, 500)}`.

    Returns:
        A `zoo.VAE`, built but not compiled.

    Raises:
        KeyError: no model, support or part of that name; the message lists the known ones.
        TypeError: no such override.
        ValueError: a part has no such option, or parts are incompatible with each other or with the support.
    """
    parts = recipe(name, **overrides)
    event_shape, latent = _shape(event_shape), check_int(parts.latent, "latent")
    likelihood = supports.get(support).likelihood if parts.likelihood is None else parts.likelihood
    with memory_limit(), initial_weights_from(seed := check_seed(seed)):
        network = build_part("network", parts.network)
        encoder = _network("encoder", parts.encoder, event_shape)
        decoder = _network("decoder", parts.decoder, (latent,))
        return VAE(
            encoder=encoder or rescaled(network.encoder(event_shape), supports.get(support).rescaling),
            posterior=build_part("posterior", parts.posterior, event_shape=(latent,)),
            prior=build_part("prior", parts.prior, event_shape=(latent,)),
            decoder=decoder or network.decoder(latent, event_shape),
            likelihood=build_part("likelihood", likelihood, event_shape=event_shape),
            objective=build_part("objective", parts.objective),
            support=support,
            seed=seed,
            name=name,
        )


def _shape(event_shape):
    try:
        shape = tuple(event_shape) or (None,)
    except TypeError:
        shape = (event_shape,)  # a number, for vectors
    shape = tuple(check_int(size, "a size in event_shape, e.g. (28, 28, 1),") for size in shape)
    check_int(math.prod(shape), "the number of elements in event_shape")
    return shape


def _network(role, model, input_shape):
    """Returns a user's network, built; None if there is none."""
    if model is None:
        return None
    if not isinstance(model, keras.Model):
        raise ValueError(f"Expected {role}= to be a Keras model, got {model!r}.")
    if getattr(model, "input_shape", None) is None:  # subclassed, or not built yet
        inputs = keras.Input(input_shape)
        model = keras.Model(inputs, model(inputs), name=role)
    got = model.input_shape
    if not isinstance(got, tuple) or tuple(got[1:]) != input_shape:
        raise ValueError(f"Expected {role}= to have input shape {[None, *input_shape]}, got {got}.")
    if not isinstance(model.output_shape, tuple) or isinstance(model.output_shape[0], tuple):
        raise ValueError(f"Expected {role}= to have one output, got outputs of shape {model.output_shape}.")
    return model


def rescaled(encoder, rescaling):
    """Returns an encoder of a x + b.

    Args:
        encoder: a Keras model.
        rescaling: (a, b); the encoder itself is returned for the identity, (1, 0).
    """
    scale, offset = rescaling
    if (scale, offset) == (1.0, 0.0):
        return encoder
    inputs = [keras.Input(encoder.input_shape[1:]), keras.layers.Rescaling(scale, offset)]
    return keras.Sequential([*inputs, encoder], name="rescaled_encoder")


@contextmanager
def initial_weights_from(seed):
    """Seeds Python's `random`, from which Keras's initializers take their seeds, and restores its state afterwards.

    Args:
        seed: see `random.seed`.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
