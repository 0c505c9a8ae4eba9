"""The whole chain on a model whose log p(x) is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.linear_gaussian import exact, linear_vae, model
from zoo.posteriors import DiagNormalPosterior, TriLNormalPosterior

pytestmark = pytest.mark.slow


def test_with_the_exact_posterior_every_single_draw_gives_log_p_x():
    vae, truth = exact(linear_vae(TriLNormalPosterior, "float64")), model()
    x = truth.sample(50, np.random.default_rng(1))
    terms = vae.terms(x, samples=20, seed=[0, 1])
    error = terms.log_weights.numpy() - truth.log_density(x)
    assert terms.log_px.dtype == tf.float64
    assert np.abs(error).max() < 1e-10


def test_its_scores_are_exact_too():
    vae, truth = exact(linear_vae(TriLNormalPosterior, "float64")), model()
    x = truth.sample(23, np.random.default_rng(2))
    scores = vae.score(x, samples=7)
    np.testing.assert_allclose(scores.log_likelihood, truth.log_density(x), rtol=0, atol=1e-10)
    # The ELBO's closed-form KL and sampled reconstruction do not cancel draw by draw: many draws, and their error.
    elbo = vae.score(x, samples=20_000).elbo
    assert np.abs(elbo - truth.log_density(x)).max() < 0.1  # 5 standard errors of √(D/2) / √20,000 and some


@pytest.mark.parametrize("posterior", [DiagNormalPosterior, TriLNormalPosterior])
def test_trained_tril_reaches_log_p_x_and_diag_keeps_the_known_gap(posterior):
    truth = model()
    assert truth.mean_field_gap > 0.2  # else the test could not tell them apart
    x = np.float32(truth.sample(20_000, np.random.default_rng(3)))
    vae = linear_vae(posterior, "float32")
    decay = keras.optimizers.schedules.CosineDecay(0.03, 8 * 100)
    vae.compile(keras.optimizers.Adam(decay), jit_compile=False, steps_per_execution=100)
    vae.fit(x, batch_size=200, epochs=8, verbose=0)

    test = truth.sample(2_000, np.random.default_rng(4))
    gap = truth.log_density(test) - vae.score(np.float32(test), samples=500).elbo
    known = truth.mean_field_gap if posterior is DiagNormalPosterior else 0.0
    # The statistical error of the mean over 2,000 × 500 draws is under 0.002 nats.
    assert gap.mean() == pytest.approx(known, abs=0.02)
