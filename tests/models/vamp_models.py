"""Small models with VampPriors, and data for them."""

import numpy as np

import zoo
from tests.models.layers import wild


def vamp_vae(posterior="diag", prior="vamp(components=3)", support="binary", latent=2):
    """A small model of wild weights, its pseudo-inputs left alone."""
    parts = {"posterior": posterior, "prior": prior, "network": "mlp(hidden=(8,))"}
    vae = zoo.build("vamp_vae", (4,), support, latent=latent, **parts)
    wild(vae.encoder)
    wild(vae.posterior)
    return vae


def pseudo_posteriors(vae, layer):
    """The posterior at each pseudo-input, one by one."""
    return [vae.posterior_at(u[None]) for u in layer.pseudo_inputs.numpy()]


def examples(n, support="binary", seed=0):
    rng = np.random.default_rng(seed)
    draw = {
        "binary": lambda shape: rng.integers(0, 2, shape),
        "unit": lambda shape: rng.uniform(0.2, 0.7, shape),
        "levels": lambda shape: rng.integers(0, 256, shape),
        "real": lambda shape: rng.normal(0, 5, shape),
    }
    return draw[support]((n, 4)).astype(np.float32)
