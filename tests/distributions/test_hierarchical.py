"""Two stochastic layers, as posterior and as prior: their densities are those of the layers."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

import zoo
from tests.models.layers import numbers, posterior, prior, singles
from tests.models.vamp_models import pseudo_posteriors, vamp_vae
from tests.shared.reference import assert_mean, normal_kl
from zoo import registry
from zoo.distributions import kl_divergence

pytestmark = pytest.mark.slow

# Posteriors


@pytest.mark.parametrize("normal", zoo.names("normal"))
@pytest.mark.parametrize(("options", "sizes"), [("", (2, 3)), (", top_size=4", (4, 1))])
def test_posterior_density_is_that_of_its_layers(normal, options, sizes):
    layer = posterior(f"hierarchical(normal='{normal}', hidden=8{options})", 5)
    assert layer.sizes == sizes
    h, z = numbers(4, 6), numbers(10, 4, 5, scale=1, seed=1)
    z2, z1 = np.split(z, sizes[:1], axis=-1)
    for k, (point2, point1) in enumerate(zip(z2, z1, strict=True)):
        lower = layer.conditional_layer(layer.gated_layer(tf.constant(np.concatenate([h, point2], axis=-1))))
        expected = layer.top_layer(tf.constant(h)).log_prob(point2) + lower.log_prob(point1)
        np.testing.assert_allclose(layer(tf.constant(h)).log_prob(z)[k], expected, rtol=1e-9)


@pytest.mark.parametrize("shape", [[], [7], [7, 2]])
def test_posterior_density_of_a_point_is_that_of_the_draw(shape):
    layer, h = posterior("hierarchical(hidden=8)", 5), tf.constant(numbers(4, 6))
    z, log_prob = layer(h).experimental_sample_and_log_prob(shape, seed=[1, 2])
    assert z.shape == (*shape, 4, 5)
    np.testing.assert_allclose(layer(h).log_prob(z.numpy()), log_prob, rtol=1e-9)
    np.testing.assert_array_equal(layer(h).sample(shape, seed=[1, 2]).shape, z.shape)


@pytest.mark.parametrize(
    ("latent", "options", "message"),
    [
        (1, "", "2 or more"),
        (4, "(top_size=0)", "top_size"),
        (4, "(top_size=4)", "top_size"),
        (4, "(top_size=1.5)", "top_size"),
        (4, "(normal='mixture')", "normal posterior"),
        (4, "(hidden=0)", "hidden"),
    ],
)
def test_sizes_are_checked(latent, options, message):
    for kind in ("posterior", "prior"):
        with pytest.raises(ValueError, match=message):
            registry.build(kind, f"hierarchical{options}", event_shape=(latent,))


# Priors


@pytest.mark.parametrize("normal", zoo.names("normal"))
@pytest.mark.parametrize(("options", "sizes"), [("", (2, 3)), (", top_size=4", (4, 1))])
@pytest.mark.parametrize("upper", ["standard", "mixture(components=3)", "maf"])
def test_prior_density_is_that_of_its_layers(upper, normal, options, sizes):
    layer = prior(f"hierarchical(prior='{upper}', normal='{normal}', hidden=8{options})", 5, "float64", scale=0.3)
    assert layer.sizes == sizes
    z = numbers(4, 6, 5, scale=1)
    z2, z1 = (tf.constant(part.reshape(24, -1)) for part in np.split(z, sizes[:1], axis=-1))
    lower = layer.conditional_layer(layer.gated_layers[1](layer.gated_layers[0](z2)))
    expected = layer.top_layer().log_prob(z2) + lower.log_prob(z1)
    np.testing.assert_allclose(layer().log_prob(z), np.reshape(expected, (4, 6)), rtol=1e-9)


@pytest.mark.parametrize("shape", [[], [7], [7, 2]])
@pytest.mark.parametrize("upper", ["tril", "mixture(components=3)"])
def test_prior_density_of_a_point_is_that_of_the_draw(shape, upper):
    p = prior(f"hierarchical(prior='{upper}', hidden=8)", 5, "float64")()
    z, log_prob = p.experimental_sample_and_log_prob(shape, seed=[1, 2])
    assert z.shape == (*shape, 5)
    np.testing.assert_allclose(p.log_prob(z.numpy()), log_prob, rtol=1e-9)


def test_vamp_on_the_upper_layer_is_the_mixture_of_its_posteriors():
    vae = vamp_vae("hierarchical(hidden=8)", "hierarchical(prior='vamp(components=3)', hidden=8)", latent=5)
    p, z = vae.prior(encode=vae.posterior_at), singles(6, 7, 5, scale=1)
    z2, z1 = np.split(z.reshape(-1, 5), [2], axis=-1)
    each = [q.top.log_prob(z2) for q in pseudo_posteriors(vae, vae.prior.top_layer)]
    upper = special.logsumexp(np.float64(each), axis=0) - np.log(3)
    lower = vae.prior.conditional_layer(vae.prior.gated_layers[1](vae.prior.gated_layers[0](z2))).log_prob(z1)
    np.testing.assert_allclose(p.log_prob(z), np.reshape(upper + lower, (6, 7)), rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(p.top.log_prob(z2), upper, rtol=2e-5, atol=2e-5)


# Their KL


@pytest.mark.parametrize("upper", ["standard", "mixture(components=3)"])
@pytest.mark.parametrize("normal", ["diag", "tril"])
def test_kl_is_in_closed_form_given_the_upper_layer(normal, upper):
    q = posterior(f"hierarchical(hidden=8, normal='{normal}')", 5)(tf.constant(numbers(2, 6)))
    p = prior(f"hierarchical(prior='{upper}', hidden=8)", 5, "float64")()
    z, log_qz = q.experimental_sample_and_log_prob(3, seed=[1, 2])  # [3, 2, 5]
    got = kl_divergence(q, p, log_qz, p.log_prob(z), z)
    assert got.shape == (2, 1)
    z2 = z[..., :2]
    lower_q, lower_p, top = q.conditional(z2), p.conditional(z2), q.top.log_prob(z2) - p.top.log_prob(z2)
    moments = [t.numpy() for d in (lower_q, lower_p) for t in (d.mean(), d.covariance())]
    for b in range(2):
        lower = np.mean([normal_kl(*(moment[k, b] for moment in moments)) for k in range(3)])
        standard = normal_kl(q.top.mean()[b].numpy(), q.top.covariance()[b].numpy(), np.zeros(2), np.eye(2))
        expected = lower + (standard if upper == "standard" else top.numpy()[:, b].mean())
        np.testing.assert_allclose(got[b, 0], expected, rtol=1e-9)


def test_kl_is_that_of_draws_and_surer():
    q = posterior("hierarchical(hidden=8)", 5)(tf.constant(numbers(1, 6)))
    p = prior("hierarchical(hidden=8)", 5, "float64")()
    z, log_qz = q.experimental_sample_and_log_prob(20_000, seed=[1, 2])
    ratios = (log_qz - p.log_prob(z)).numpy()[:, 0]
    lower = q.conditional(z[..., :2]).kl_divergence(p.conditional(z[..., :2])).numpy()[:, 0]
    kl = kl_divergence(q, p, log_qz, p.log_prob(z), z).numpy()[0, 0]
    assert_mean(ratios - (kl - lower.mean()) - lower, 0.0)  # what is left is a mean of zero
    assert lower.std() < ratios.std()
