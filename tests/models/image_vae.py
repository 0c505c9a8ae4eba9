"""A small model of images."""

import numpy as np

import zoo

RNG = np.random.default_rng(0)
X = RNG.integers(0, 2, (7, 4, 4, 1)).astype(np.float32)


def model(name="tril_vae", support="binary", **overrides):
    overrides = {"latent": 3, "network": "gated_mlp(hidden=(8, 8))"} | overrides
    vae = zoo.build(name, (4, 4, 1), support, **overrides)
    vae.compile("adam", run_eagerly=True)
    return vae
