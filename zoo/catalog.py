"""The catalog of named models and their parts: plain data, read without TensorFlow."""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


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
    encoder: "keras.Model | None" = None
    decoder: "keras.Model | None" = None
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
