"""The named models: which parts make each."""

import random
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import keras

from zoo import support as supports
from zoo.checks import seed_number, whole_number
from zoo.registry import build as build_part
from zoo.vae import VAE


@dataclass(frozen=True)
class Recipe:
    """The parts of a model, each a short name, a spec such as "mixture(components=100)", or an object.

    Args:
        summary: what the model is, in a line.
        latent: L, the number of latent dimensions.
        posterior: q(z|x).
        prior: p(z).
        likelihood: p(x|z); None for the one that fits the data's support.
        network: the pair of an encoder and a decoder.
        encoder: a Keras model x ↦ h in place of the network's.
        decoder: a Keras model z ↦ h in place of the network's.
        objective: what is maximised.
    """

    summary: str
    latent: int = 16
    posterior: Any = "diag"
    prior: Any = "standard"
    likelihood: Any = None
    network: Any = "gated_mlp"
    encoder: keras.Model | None = None
    decoder: keras.Model | None = None
    objective: Any = "elbo"


CATALOG = {
    "diag_vae": Recipe("The VAE of Kingma & Welling (2014): diagonal posterior, prior N(0, I)."),
    "tril_vae": Recipe("A full covariance matrix in the posterior, through its Cholesky factor.", posterior="tril"),
    "mog_vae": Recipe("A learned mixture of Gaussians as the prior.", prior="mixture(components=10)"),
    "beta_vae": Recipe("β-VAE (Higgins et al., 2017): the KL weighs four times.", objective="elbo(beta=4.0)"),
}


def model_names():
    """The names of all models."""
    return list(CATALOG)


def recipe(name, **overrides):
    """The recipe of a named model, with some of its parts replaced.

    Args:
        name: one of `model_names()`.
        **overrides: fields of `Recipe`.

    Raises:
        KeyError: no such model.
        TypeError: no such part.
    """
    if name not in CATALOG:
        raise KeyError(f"No model '{name}'. Known: {', '.join(CATALOG)}.")
    known = [field.name for field in fields(Recipe) if field.name != "summary"]
    for key in overrides:
        if key not in known:
            raise TypeError(f"A model has no part '{key}'. It has: {', '.join(known)}.")
    return replace(CATALOG[name], **overrides)


def build(name, event_shape, support, *, seed=0, **overrides):
    """A new model by name.

        vae = zoo.build("tril_vae", event_shape=(28, 28, 1), support="binary", latent=40)

    Args:
        name: one of `model_names()`.
        event_shape: shape of one x.
        support: what x is: binary, unit, real, levels or simplex.
        seed: of the initial weights and of all later draws.
        **overrides: fields of `Recipe`, e.g. `latent=40, posterior="tril", prior="mixture(components=100)",
            network={"name": "mlp", "hidden": (500, 500)}`.

    Returns:
        A `zoo.VAE`, built but not compiled.

    Raises:
        KeyError: no model, support or part of that name; the message lists the known ones.
        TypeError: no such override.
        ValueError: a part has no such option, or the likelihood does not fit the support.
    """
    parts = recipe(name, **overrides)
    event_shape, latent = _shape(event_shape), whole_number(parts.latent, "latent")
    likelihood = supports.get(support).likelihood if parts.likelihood is None else parts.likelihood
    if parts.encoder is not None and tuple(parts.encoder.input_shape[1:]) != event_shape:
        raise ValueError(
            f"Expected an encoder of {list(event_shape)}, got one of {list(parts.encoder.input_shape[1:])}."
        )
    with _initial_weights_from(seed := seed_number(seed)):
        network = build_part("network", parts.network)
        return VAE(
            encoder=parts.encoder or _rescaled(network.encoder(event_shape), supports.get(support).rescaling),
            posterior=build_part("posterior", parts.posterior, event_shape=(latent,)),
            prior=build_part("prior", parts.prior, event_shape=(latent,)),
            decoder=parts.decoder or network.decoder(latent, event_shape),
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
        shape = (event_shape,)  # of vectors
    return tuple(whole_number(size, "a size in event_shape, e.g. (28, 28, 1),") for size in shape)


def _rescaled(encoder, rescaling):
    scale, offset = rescaling
    if (scale, offset) == (1.0, 0.0):
        return encoder
    inputs = [keras.Input(encoder.input_shape[1:]), keras.layers.Rescaling(scale, offset)]
    return keras.Sequential([*inputs, encoder], name="rescaled_encoder")


@contextmanager
def _initial_weights_from(seed):
    """Keras's initialisers draw their seeds from Python's `random`: seeds it here, and puts it back afterwards."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
