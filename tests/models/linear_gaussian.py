"""A model whose log p(x) is known: linear and Gaussian."""

import keras
import numpy as np
import tensorflow as tf

import zoo
from tests.shared.reference import LinearGaussian, lower_triangle_inverse
from zoo.likelihoods import NormalLikelihood
from zoo.objectives import ELBO
from zoo.priors import StandardNormalPrior

D, L = 6, 3


def model():
    rng = np.random.default_rng(0)
    return LinearGaussian(W=rng.normal(size=(D, L)), b=rng.normal(size=D), sigma=0.7)


def linear_vae(posterior, dtype):
    """A VAE without hidden layers, its generative side set to `model()` and frozen."""
    truth = model()
    vae = zoo.VAE(
        encoder=keras.Sequential([keras.Input((D,), dtype=dtype), keras.layers.Identity(dtype=dtype)]),
        posterior=posterior((L,), dtype=dtype),
        prior=StandardNormalPrior((L,), dtype=dtype),
        decoder=keras.Sequential([keras.Input((L,), dtype=dtype), keras.layers.Identity(dtype=dtype)]),
        likelihood=NormalLikelihood((D,), scale=truth.sigma, dtype=dtype),
        objective=ELBO(dtype=dtype),
        dtype=dtype,
    )
    vae.likelihood.params.set_weights([truth.W.T, truth.b])
    vae.likelihood.trainable = False
    return vae


def inverse_positive(scale):
    """The raw number that `zoo.layer.positive` maps to `scale`, found by bisection."""
    from zoo.distributions.positive import positive

    low, high = -50.0 * np.ones_like(scale), 50.0 * np.ones_like(scale)
    for _ in range(100):
        middle = (low + high) / 2
        under = positive(tf.constant(middle)).numpy() < scale
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return (low + high) / 2


def exact(vae):
    """Gives the triangular posterior the weights of the true one."""
    truth = model()
    scale_tril = np.linalg.cholesky(truth.posterior_covariance)
    raw = np.tril(scale_tril, -1) + np.diag(inverse_positive(np.diag(scale_tril)))
    kernel = np.zeros((D, vae.posterior.params_size))
    kernel[:, :L] = truth.posterior_map.T
    bias = np.concatenate([-truth.posterior_map @ truth.b, lower_triangle_inverse(raw)])
    vae.posterior.params.set_weights([kernel, bias])
    return vae
