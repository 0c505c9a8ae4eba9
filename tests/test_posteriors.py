"""Posteriors that are no normals, against numpy and scipy in float64."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from reference import (
    assert_mean,
    dirichlet_kl,
    mixture_log_density,
    mixture_moments,
    normal_moments,
    positive,
    positive_inverse,
)
from scipy import special, stats

import zoo
from zoo import registry
from zoo.dirichlet import LEAST, ReparameterizedDirichlet
from zoo.flows import FLOOR, AutoregressiveAffine
from zoo.networks.made import MADE
from zoo.objectives import kl_divergence

tfd = tfp.distributions


def numbers(*shape, scale=0.5, seed=0):
    return np.random.default_rng(seed).normal(0, scale, shape)


def wild(layer, scale=0.5):
    """Gives a layer's weights values far from its initial ones."""
    layer.set_weights([numbers(*w.shape, scale=scale, seed=i) for i, w in enumerate(layer.get_weights())])
    return layer


def posterior(spec, latent, features=6, dtype="float64", scale=0.5):
    """A built posterior of that spec, far from its initial weights."""
    layer = registry.build("posterior", spec, event_shape=(latent,), dtype=dtype)
    layer.build((None, features))
    return wild(layer, scale)


def open_posterior(spec, latent, dtype="float64"):
    """A posterior whose features are its parameters."""
    size = registry.build("posterior", spec, event_shape=(latent,)).params_size
    layer = posterior(spec, latent, features=size, dtype=dtype)
    layer.set_weights([np.eye(size), np.zeros(size), *layer.get_weights()[2:]])
    return layer


@pytest.mark.parametrize("name", zoo.names("normal"))
def test_normal_posteriors_start_calm(name):
    vae = zoo.build("diag_vae", (8, 8, 1), "binary", latent=32, posterior=name)
    x = np.random.default_rng(0).integers(0, 2, (20, 8, 8, 1))
    q = vae.encode(x)
    covariance = q.covariance().numpy()
    assert np.linalg.cond(covariance).max() < 100
    assert np.sum(kl_divergence(q, vae.prior(), None, None), axis=-1).max() < 0.5 * 32


# Mixture


def mixture_parts(params, m, d):
    """Weights, means and variances of a mixture posterior at its parameters."""
    loc, raw_scale, logits = np.split(params, [m * d, 2 * m * d])
    return special.softmax(logits), loc.reshape(m, d), positive(raw_scale.reshape(m, d)) ** 2


@pytest.mark.parametrize("d", [1, 3])
def test_mixture_density_and_moments(d):
    m, h = 4, numbers(2, 4 * (1 + 2 * d), scale=1)
    q = open_posterior("mixture(components=4)", d)(tf.constant(h))
    z = numbers(20, d, scale=2, seed=1)
    for i, row in enumerate(h):
        weights, means, variances = mixture_parts(row, m, d)
        components = weights, means, [np.diag(v) for v in variances]
        mean, covariance = mixture_moments(*components)
        np.testing.assert_allclose(q.log_prob(z[:, None])[:, i], mixture_log_density(z, *components), rtol=1e-10)
        np.testing.assert_allclose(q.mean()[i], mean)
        np.testing.assert_allclose(q.covariance()[i], covariance, atol=1e-12)
        np.testing.assert_allclose(q.stddev()[i], np.sqrt(np.diag(covariance)))


def mixture_expectation(params, m, d):
    """E[Σᵢ (zᵢ² + zᵢ) + Πᵢ zᵢ]."""
    weights, means, variances = mixture_parts(params, m, d)
    return weights @ (np.sum(means**2 + variances + means, axis=-1) + np.prod(means, axis=-1))


def dirichlet_expectation(params):
    """E[Σᵢ (zᵢ² + i zᵢ) + Πᵢ zᵢ]."""
    alpha = positive(params, 0.1)
    total, n = alpha.sum(), len(alpha)
    product = np.prod(alpha) / special.poch(total, n)
    return np.sum(alpha * (alpha + 1)) / (total * (total + 1)) + np.arange(n) @ alpha / total + product


def numeric_gradient(f, params, step=1e-5):
    """Of a scalar function, by central differences."""
    return np.array([(f(params + e) - f(params - e)) / (2 * step) for e in step * np.eye(len(params))])


def gradients_of_draws(layer, params, f, n):
    """The gradient [n, size] of f(z) by the parameters, for each of n draws."""
    h = tf.constant(np.tile(params, (n, 1)), layer.compute_dtype)
    with tf.GradientTape() as tape:
        tape.watch(h)
        value = f(layer(h).sample(seed=[1, 2]))
    return tape.gradient(value, h).numpy().astype(np.float64)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_mixture_draws_have_the_right_gradient(d):
    params = numbers(3 * (1 + 2 * d), scale=0.7, seed=d)

    def f(z):
        return tf.reduce_sum(z**2 + z, axis=-1) + tf.reduce_prod(z, axis=-1)

    found = gradients_of_draws(open_posterior("mixture(components=3)", d, "float32"), params, f, 50_000)
    expected = numeric_gradient(lambda params: mixture_expectation(params, 3, d), params)
    assert np.all(np.abs(expected[-3:]) > 0.01)  # the logits have one
    assert_mean(found, expected)


# Inverse autoregressive flow


def iaf_steps(layer, z0, context):
    """The flow's steps from z0 by hand, and the Jacobians of each [B, d, d]."""
    z, jacobians = tf.constant(z0), []
    for network in layer.networks:
        with tf.GradientTape() as tape:
            tape.watch(z)
            shift, raw_scale = network(z, context=context)
            scale = tf.nn.softplus(raw_scale + np.log(np.expm1(1 - FLOOR))) + FLOOR
            moved = scale * z + shift
        jacobians.append(tape.batch_jacobian(moved, z).numpy())
        z = moved
    return z.numpy(), jacobians


def test_iaf_density_is_the_change_of_variables():
    d, b = 3, 20
    layer, h, z0 = posterior("iaf(steps=3, hidden=16)", d), tf.constant(numbers(b, 6)), numbers(b, d, scale=1, seed=1)
    params, context = np.split(layer.params(h).numpy(), [2 * d], axis=-1)
    z, jacobians = iaf_steps(layer, z0, context)
    laws = [stats.multivariate_normal(*normal_moments("diag", row, d)) for row in params]
    first = [law.logpdf(point) for law, point in zip(laws, z0, strict=True)]
    expected = first - sum(np.linalg.slogdet(jacobian)[1] for jacobian in jacobians)
    np.testing.assert_allclose(layer(h).log_prob(z), expected, rtol=1e-9)
    np.testing.assert_allclose(layer(h).bijector.inverse(z), z0, rtol=1e-9)


def test_iaf_steps_are_autoregressive_in_turned_orders():
    layer, h = posterior("iaf(steps=3, hidden=32)", 4), tf.constant(numbers(5, 6))
    _, jacobians = iaf_steps(layer, numbers(5, 4, scale=1, seed=1), layer.params(h)[:, 8:])
    strict = np.tri(4, k=-1, dtype=bool)
    for jacobian, before in zip(jacobians, itertools.cycle([strict, strict.T]), strict=False):
        assert np.all(jacobian[:, before.T] == 0)  # ∂ output i / ∂ input j is zero for j after i
        assert np.all(np.abs(jacobian[:, before]) > 1e-9)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-4)])
@pytest.mark.parametrize("latent", [1, 3, 20])
def test_iaf_density_of_a_point_is_that_of_the_draw(latent, dtype, tolerance):
    layer, h = posterior("iaf", latent, dtype=dtype, scale=0.2), tf.constant(numbers(5, 6), dtype)
    z, log_prob = layer(h).experimental_sample_and_log_prob(4, seed=[1, 2])
    assert z.shape == (4, 5, latent)
    again = layer(h).log_prob(z.numpy())  # another distribution, which did not draw it
    np.testing.assert_allclose(again, log_prob, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("reverse", [False, True])
def test_autoregressive_step_inverts(reverse, context):
    network = MADE((5,), hidden=16, context=context, reverse=reverse, gain=1.0, dtype="float64")
    network.build((None, 5))
    step = AutoregressiveAffine(wild(network), tf.constant(numbers(7, context)) if context else None)
    x = numbers(7, 5, scale=2, seed=1)
    y = step.forward(x).numpy()
    np.testing.assert_allclose(step.inverse(y), x, rtol=1e-8)
    np.testing.assert_allclose(step.inverse_log_det_jacobian(y, 1), -step.forward_log_det_jacobian(x, 1), rtol=1e-8)


def test_made_of_one_element_sees_its_context_only():
    network = MADE((1,), hidden=8, context=3, dtype="float64")
    network.build((None, 1))
    wild(network)
    outputs = np.array(network(tf.constant(numbers(6, 1)), context=tf.constant(np.tile(numbers(1, 3), (6, 1)))))
    assert np.ptp(outputs, axis=1).max() == 0
    others = np.array(network(tf.zeros([6, 1], tf.float64), context=tf.constant(numbers(6, 3))))
    assert np.all(np.ptp(others, axis=1) > 0.01)


# Dirichlet


def test_dirichlet_density_and_moments():
    h = numbers(4, 3, scale=2)
    q = open_posterior("dirichlet", 3)(tf.constant(h))
    z = np.random.default_rng(1).dirichlet(np.ones(3), 10)
    for i, alpha in enumerate(positive(h, 0.1)):
        law = stats.dirichlet(alpha)
        np.testing.assert_allclose(q.log_prob(z[:, None])[:, i], [law.logpdf(point) for point in z], rtol=1e-9)
        np.testing.assert_allclose(q.mean()[i], law.mean())
        np.testing.assert_allclose(q.covariance()[i], law.cov())


def test_dirichlet_kl_is_in_closed_form():
    alpha, beta = np.array([0.3, 2.0, 5.0]), np.full(3, 0.98)
    q = open_posterior("dirichlet", 3)(tf.constant(positive_inverse(alpha, 0.1)[None]))
    p = registry.build("prior", "dirichlet", event_shape=(3,), dtype="float64")()
    kl = kl_divergence(q, p, None, None)  # without draws: an estimate from draws would fail
    assert kl.shape == (1, 1)
    np.testing.assert_allclose(kl[0, 0], dirichlet_kl(alpha, beta), rtol=1e-9)
    z = np.random.default_rng(0).dirichlet(alpha, 20_000).T
    assert_mean(stats.dirichlet(alpha).logpdf(z) - stats.dirichlet(beta).logpdf(z), kl[0, 0])


@pytest.mark.parametrize("latent", [2, 50])
def test_dirichlet_draws_stay_inside_at_the_floor(latent):
    q = open_posterior("dirichlet", latent, "float32")(tf.fill([1, latent], -100.0))
    np.testing.assert_allclose(q.concentration, np.full([1, latent], 0.1), rtol=1e-5)
    z, log_prob = q.experimental_sample_and_log_prob(20_000, seed=[1, 2])
    assert z.numpy().min() > 0
    assert np.all(np.isfinite(log_prob))
    np.testing.assert_allclose(np.sum(z, axis=-1), 1, rtol=1e-5)


def test_dirichlet_draws_have_the_right_gradient():
    def f(z):
        return tf.reduce_sum(z**2 + z * tf.range(3.0), axis=-1) + tf.reduce_prod(z, axis=-1)

    params = np.array([-1.0, 0.3, 1.5])
    found = gradients_of_draws(open_posterior("dirichlet", 3, "float32"), params, f, 50_000)
    assert_mean(found, numeric_gradient(dirichlet_expectation, params))


@pytest.mark.parametrize("concentration", [0.1, 0.5, 1.0, 8.0])
def test_dirichlet_draws_follow_the_law(concentration):
    z = ReparameterizedDirichlet([concentration, 0.7, 2.0]).sample(20_000, seed=[3, 4]).numpy()[:, 0].astype(np.float64)
    # By chance once in a million.
    assert stats.kstest(z, stats.beta(concentration, 2.7).cdf).pvalue > 1e-6


def test_dirichlet_gradients_are_finite_where_draws_round_to_the_border():
    concentration = tf.fill([50], 0.1)
    with tf.GradientTape() as tape:
        tape.watch(concentration)
        q = ReparameterizedDirichlet(concentration)
        z, log_prob = q.experimental_sample_and_log_prob(2_000, seed=[1, 2])
        total = tf.reduce_sum(log_prob) + tf.reduce_sum(z**2)
    assert np.mean(z == LEAST) > 1e-4
    assert np.all(np.isfinite(tape.gradient(total, concentration)))


def test_dirichlet_compiles_after_the_same_was_traced_without_xla():
    layer = open_posterior("dirichlet", 3, "float32")
    draws = [
        tf.function(lambda h: layer(h).sample(seed=[1, 2]), jit_compile=jit, input_signature=[tf.TensorSpec([None, 3])])
        for jit in (False, True)
    ]
    for draw in draws:
        np.testing.assert_allclose(np.sum(draw(tf.zeros([4, 3])), axis=-1), 1, rtol=1e-5)


def test_every_output_of_a_flow_sees_all_dimensions_before_it():
    layer = posterior("iaf(steps=1, hidden=2)", 5)
    (network,) = layer.networks
    for weight in network.trainable_variables:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    z = tf.constant(numbers(1, 5))
    with tf.GradientTape() as tape:
        tape.watch(z)
        shift, _ = network(z, context=tf.zeros([1, 2], z.dtype))
    jacobian = tape.batch_jacobian(shift, z)[0].numpy()
    np.testing.assert_array_equal(jacobian != 0, np.tri(5, k=-1, dtype=bool))


def test_dirichlet_of_one_category_is_refused():
    with pytest.raises(ValueError, match="2 or more"):
        registry.build("posterior", "dirichlet", event_shape=(1,))


# Hierarchical


@pytest.mark.parametrize("normal", zoo.names("normal"))
@pytest.mark.parametrize(("options", "sizes"), [("", (2, 3)), (", top=4", (4, 1))])
def test_hierarchical_density_is_that_of_its_layers(normal, options, sizes):
    layer = posterior(f"hierarchical(normal='{normal}', hidden=8{options})", 5)
    assert layer.sizes == sizes
    h, z = numbers(4, 6), numbers(10, 4, 5, scale=1, seed=1)
    z2, z1 = np.split(z, sizes[:1], axis=-1)
    for k, (point2, point1) in enumerate(zip(z2, z1, strict=True)):
        lower = layer.lower(layer.gated(tf.constant(np.concatenate([h, point2], axis=-1))))
        expected = layer.upper(tf.constant(h)).log_prob(point2) + lower.log_prob(point1)
        np.testing.assert_allclose(layer(tf.constant(h)).log_prob(z)[k], expected, rtol=1e-9)


@pytest.mark.parametrize("shape", [[], [7], [7, 2]])
def test_hierarchical_density_of_a_point_is_that_of_the_draw(shape):
    layer, h = posterior("hierarchical(hidden=8)", 5), tf.constant(numbers(4, 6))
    z, log_prob = layer(h).experimental_sample_and_log_prob(shape, seed=[1, 2])
    assert z.shape == (*shape, 4, 5)
    np.testing.assert_allclose(layer(h).log_prob(z.numpy()), log_prob, rtol=1e-9)
    np.testing.assert_array_equal(layer(h).sample(shape, seed=[1, 2]).shape, z.shape)


@pytest.mark.parametrize(
    ("latent", "options", "message"),
    [
        (1, "", "2 or more"),
        (4, "(top=0)", "top"),
        (4, "(top=4)", "top"),
        (4, "(top=1.5)", "top"),
        (4, "(normal='mixture')", "normal posterior"),
        (4, "(hidden=0)", "hidden"),
    ],
)
def test_hierarchical_sizes_are_checked(latent, options, message):
    for kind in ("posterior", "prior"):
        with pytest.raises(ValueError, match=message):
            registry.build(kind, f"hierarchical{options}", event_shape=(latent,))


@pytest.mark.parametrize("spec", ["hierarchical(hidden=8)", "iaf"])
def test_moments_from_draws_are_within_their_error(spec):
    q = posterior(spec, 4)(tf.constant(numbers(3, 6)))
    z = q.sample(50_000, seed=[1, 2]).numpy()
    error = z.std(axis=0) * np.sqrt(1 / 256 + 1 / 50_000)
    assert np.all(np.abs(q.mean() - z.mean(axis=0)) < 5 * error)
    assert np.all(np.abs(q.stddev() / z.std(axis=0) - 1) < 0.3)
    np.testing.assert_array_equal(q.mean(), q.mean())
    np.testing.assert_allclose(q.variance(), np.diagonal(q.covariance(), axis1=1, axis2=2))
    assert np.all(np.linalg.eigvalsh(q.covariance()) > 0)
