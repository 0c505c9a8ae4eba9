"""Mixtures as priors, and what holds for all priors, against numpy and scipy in float64."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import special

import zoo
from tests.models.layers import prior, singles
from tests.models.vamp_models import examples, vamp_vae
from tests.shared.reference import assert_fractions, mixture_log_density, normal_moments
from zoo import registry
from zoo.distributions import kl_divergence
from zoo.distributions.mixtures.mixture import MixtureSameFamily

tfd = tfp.distributions
FAMILIES = zoo.names("normal")


@pytest.mark.parametrize("name", FAMILIES)
def test_mixture_density_is_the_weighted_sum_of_its_components(name):
    layer = prior({"name": "mixture", "components": 4, "normal": name}, 3)
    logits, loc, raw = layer.get_weights()
    components = [normal_moments(name, np.concatenate(params), 3) for params in zip(loc, raw, strict=True)]
    z = singles(6, 5, 3, scale=2, seed=9)
    weights, points = special.softmax(np.float64(logits)), np.float64(z).reshape(30, 3)
    expected = mixture_log_density(points, weights, *zip(*components, strict=True)).reshape(6, 5)
    np.testing.assert_allclose(layer().log_prob(z), expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(layer().log_prob(z[0, 0]), expected[0, 0], rtol=2e-5, atol=2e-5)


WEIGHTS = np.array([0.4, 0.1, 0.3, 0.05, 0.15])
CENTERS = 100 * np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])


@pytest.mark.parametrize("name", FAMILIES)
def test_mixture_draws_draw_the_component(name):
    make = registry.build("normal", name)
    params = np.concatenate([CENTERS, singles(5, make.params_size(3) - 3)], axis=-1)
    mixture = MixtureSameFamily(tfd.Categorical(probs=np.float32(WEIGHTS)), make(tf.constant(params), 3))
    z, log_prob = mixture.experimental_sample_and_log_prob(10_000, seed=[1, 2])
    assert_fractions(z.numpy(), CENTERS, WEIGHTS)
    components = zip(*[normal_moments(name, row, 3) for row in params], strict=True)
    np.testing.assert_allclose(log_prob, mixture_log_density(np.float64(z), WEIGHTS, *components), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("spec", ["mixture(components=3)", "vamp(components=3)", "maf", "hierarchical"])
@pytest.mark.parametrize("posterior", ["diag", "tril", "low_rank", "orthogonal"])
def test_kl_without_a_closed_form_is_estimated_from_draws(spec, posterior):
    vae = vamp_vae(posterior, spec)
    q, p = vae.encode(examples(3)), vae.prior(encode=vae.posterior_at)
    z = q.sample(4, seed=[0, 0])
    log_qz, log_pz = q.log_prob(z), p.log_prob(z)
    kl = kl_divergence(q, p, log_qz, log_pz)
    assert kl.shape == (3, 1)
    np.testing.assert_allclose(kl[:, 0], np.mean(log_qz - log_pz, axis=0), rtol=1e-6)


@pytest.mark.parametrize("spec", ["hierarchical(hidden=8)", "maf"])
def test_moments_from_draws_are_within_their_error(spec):
    p = prior(spec, 4, scale=0.2)()
    z = p.sample(50_000, seed=[1, 2]).numpy()
    error = z.std(axis=0) * np.sqrt(1 / 256 + 1 / 50_000)
    assert np.all(np.abs(p.mean() - z.mean(axis=0)) < 5 * error)
    assert np.all(np.abs(p.stddev() / z.std(axis=0) - 1) < 0.3)
