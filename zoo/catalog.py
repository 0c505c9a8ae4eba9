"""The catalog of named models and their parts."""

import math
import random
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import keras

from zoo.checks import check_int, check_seed
from zoo.data import support as supports
from zoo.memory import memory_limit
from zoo.model.vae import VAE
from zoo.registry import build as build_part


@dataclass(frozen=True)
class Recipe:
    """The parts of a model, each a short name, a spec such as "mixture(components=100)", or an object.

    Args:
        summary: description of the model, in a line.
        latent: L, the number of latent dimensions.
        posterior: q(z|x).
        prior: p(z).
        likelihood: p(x|z); None for the default of the support.
        network: the pair of an encoder and a decoder.
        encoder: a Keras model x ↦ h that replaces the network's encoder.
        decoder: a Keras model z ↦ h that replaces the network's decoder.
        objective: the objective, to be maximized.
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
    # posteriors
    "diag_vae": Recipe("The VAE of Kingma & Welling (2014): diagonal posterior, prior N(0, I)."),
    "tril_vae": Recipe("A posterior with full covariance, parameterized by its Cholesky factor.", posterior="tril"),
    "std_corr_vae": Recipe("Full covariance: standard deviations and a correlation matrix.", posterior="std_corr"),
    "orthogonal_vae": Recipe("Full covariance: eigenvalues and Householder reflections.", posterior="orthogonal"),
    "low_rank_vae": Recipe("A low-rank plus diagonal covariance.", posterior="low_rank"),
    "mixture_vae": Recipe("A mixture of three normals as the posterior.", posterior="mixture(components=3)"),
    "iaf_vae": Recipe("An inverse autoregressive flow as the posterior (Kingma et al., 2016).", posterior="iaf"),
    "dirichlet_vae": Recipe(
        "A Dirichlet posterior and prior on the simplex (Joo et al., 2019).", posterior="dirichlet", prior="dirichlet"
    ),
    # priors
    "mog_vae": Recipe("A learned mixture of Gaussians as the prior.", prior="mixture(components=10)"),
    "vamp_vae": Recipe("The VampPrior, a mixture of posteriors (Tomczak & Welling, 2018).", prior="vamp"),
    "tril_vamp_vae": Recipe("The VampPrior with full-covariance posteriors.", posterior="tril", prior="vamp"),
    "maf_vae": Recipe("A masked autoregressive flow as the prior.", prior="maf"),
    # objectives
    "beta_vae": Recipe("β-VAE (Higgins et al., 2017) with β = 2.", objective="elbo(beta=2.0)"),
    "iwae": Recipe("The importance-weighted bound with K = 5 (Burda et al., 2016).", objective="iwae(samples=5)"),
    "dreg_iwae": Recipe("IWAE, doubly reparameterized (Tucker et al., 2019).", objective="dreg(samples=5)"),
    "tc_vae": Recipe("β-TCVAE (Chen et al., 2018): total correlation with weight 6.", objective="tc(beta=6.0)"),
    "info_vae": Recipe("InfoVAE (Zhao et al., 2019): the ELBO with an MMD between q(z) and p(z).", objective="mmd"),
    # two stochastic layers
    "hvae": Recipe("Two stochastic layers, z = [z₂, z₁].", posterior="hierarchical", prior="hierarchical"),
    "vamp_hvae": Recipe(
        "Two stochastic layers with a VampPrior on z₂ (Tomczak & Welling, 2018).",
        posterior="hierarchical",
        prior="hierarchical(prior='vamp')",
    ),
    # networks
    "conv_vae": Recipe("Convolutional encoder and decoder.", network="conv"),
    "conv_tril_vae": Recipe("Convolutional networks, full-covariance posterior.", network="conv", posterior="tril"),
}


def model_names() -> list[str]:
    """Returns the names of all models."""
    return list(CATALOG)


def recipe(name: str, **overrides: Any) -> Recipe:
    """Returns the recipe of a named model, with overrides.

    Args:
        name: one of `model_names()`.
        **overrides: fields of `Recipe`.

    Raises:
        KeyError: no such model.
        TypeError: no such part.
    """
    if not isinstance(name, str) or name not in CATALOG:
        raise KeyError(f"No model '{name}'. Known: {', '.join(CATALOG)}.")
    known = [field.name for field in fields(Recipe) if field.name != "summary"]
    for key in overrides:
        if key not in known:
            raise TypeError(f"A model has no part '{key}'. It has: {', '.join(known)}.")
    return replace(CATALOG[name], **overrides)


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
    with memory_limit(), _initial_weights_from(seed := check_seed(seed)):
        network = build_part("network", parts.network)
        encoder = _network("encoder", parts.encoder, event_shape)
        decoder = _network("decoder", parts.decoder, (latent,))
        return VAE(
            encoder=encoder or _rescaled(network.encoder(event_shape), supports.get(support).rescaling),
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


def _rescaled(encoder, rescaling):
    scale, offset = rescaling
    if (scale, offset) == (1.0, 0.0):
        return encoder
    inputs = [keras.Input(encoder.input_shape[1:]), keras.layers.Rescaling(scale, offset)]
    return keras.Sequential([*inputs, encoder], name="rescaled_encoder")


@contextmanager
def _initial_weights_from(seed):
    """Seeds Python's `random`, from which Keras's initializers take their seeds, and restores its state afterwards."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
