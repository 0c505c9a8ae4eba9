"""Aggregated posteriors of ill-conditioned normals, compressed, against numpy in float64."""

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.models.layers import open_posterior
from tests.shared.reference import many_moments, mixture_moments, normal_params, positive_inverse
from zoo.aggregated import compress_posterior


@pytest.mark.parametrize("posterior", ["tril", "std_corr", "orthogonal", "low_rank"])
def test_ill_conditioned_posteriors_are_compressed(posterior):
    rng, d = np.random.default_rng(0), 6
    layer = open_posterior(posterior, d, "float32")
    rotations = np.linalg.qr(rng.normal(size=(8, d, d)))[0]
    covariances = rotations @ (np.logspace(-5, 5, d) * np.eye(d)) @ np.swapaxes(rotations, 1, 2)  # condition 1e10
    if posterior == "low_rank":  # a direction of large variance beside small ones
        params = np.hstack(
            [rng.normal(size=(8, d)), np.full((8, d), positive_inverse(2e-3)), 1e5 * rng.normal(size=(8, 4 * d))]
        )
    else:
        params = np.array([normal_params(posterior, rng.normal(size=d), covariance) for covariance in covariances])
    q = compress_posterior(zoo.AggregatedPosterior(layer, tf.constant(params, tf.float32)), 2)
    means, exact = many_moments(posterior, np.float32(params), d)
    assert np.linalg.cond(exact).min() > 1e9
    _, expected = mixture_moments(np.full(8, 1 / 8), means, exact)
    np.testing.assert_allclose(q.covariance(), expected, atol=1e-5 * np.abs(expected).max())
    assert np.isfinite(q.sample(5, seed=[0, 1])).all()
