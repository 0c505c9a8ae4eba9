"""A VAE whose posteriors are what the test says."""

import keras
import numpy as np

import zoo
from zoo.registry import build


def open_vae(posterior, prior="standard", latent=3, set_prior=None):
    """A VAE whose data are the raw parameters of their posteriors."""
    posterior = build("posterior", posterior, event_shape=(latent,))
    size = posterior.params_size
    vae = zoo.VAE(
        encoder=keras.Sequential([keras.Input((size,)), keras.layers.Identity()]),
        posterior=posterior,
        prior=build("prior", prior, event_shape=(latent,)),
        decoder=keras.Sequential([keras.Input((latent,)), keras.layers.Identity()]),
        likelihood=build("likelihood", "normal", event_shape=(size,)),
        objective=build("objective", "elbo"),
    )
    posterior.set_weights([np.eye(size), np.zeros(size)])
    if set_prior is not None:
        vae.prior.set_weights(set_prior)
    return vae
