"""A VAE of the shape of `reference.NaiveVAE`, and its gradients."""

import keras
import numpy as np
import tensorflow as tf

import zoo
from tests.shared.reference import NaiveVAE, lower_triangle
from zoo.posteriors import TriLNormalPosterior
from zoo.registry import build

D, L, B, SIGMA = 3, 2, 4, 0.8
PARTS = ("encoder", "posterior", "prior", "decoder", "likelihood")
X = np.random.default_rng(0).normal(size=(B, D))


def small_vae(objective, posterior="diag", prior="standard", dtype="float64"):
    """A VAE of the shape of `NaiveVAE`, its weights far from their initial ones."""
    vae = zoo.VAE(
        encoder=keras.Sequential([keras.Input((D,), dtype=dtype), keras.layers.Dense(3, "tanh", dtype=dtype)]),
        posterior=build("posterior", posterior, event_shape=(L,), dtype=dtype),
        prior=build("prior", prior, event_shape=(L,), dtype=dtype),
        decoder=keras.Sequential([keras.Input((L,), dtype=dtype), keras.layers.Dense(3, dtype=dtype)]),
        likelihood=build("likelihood", {"name": "normal", "scale": SIGMA}, event_shape=(D,), dtype=dtype),
        objective=build("objective", objective, dtype=dtype),
        dtype=dtype,
    )
    rng = np.random.default_rng(1)
    for part in PARTS:
        for weight in getattr(vae, part).trainable_weights:
            weight.assign(rng.normal(0, 0.5, weight.shape))
    return vae


def naive(vae):
    """The same model in numpy."""
    tril = isinstance(vae.posterior, TriLNormalPosterior)
    positions = np.int64(lower_triangle(np.arange(L * (L + 1) // 2), L)) if tril else None
    return NaiveVAE(
        {part: [weight.numpy() for weight in getattr(vae, part).trainable_weights] for part in PARTS},
        L,
        SIGMA,
        positions,
    )


def gradients(vae, *parts, x=X, sample_weight=None):
    """The terms of one step and the gradient of its loss in the weights of some parts."""
    weights = [w for part in parts for w in getattr(vae, part).trainable_variables]
    with tf.GradientTape() as tape:
        terms = vae(x)
        loss = vae.compute_loss(x=x, y_pred=terms, sample_weight=sample_weight)
    return terms, tape.gradient(loss, weights)


def flat(tensors):
    return np.concatenate([np.ravel(t) for t in tensors])
