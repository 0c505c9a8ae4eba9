"""Autoregressive flows, as posteriors and as priors, against changes of variables by hand."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.models.layers import numbers, posterior, prior, singles, wild
from tests.shared.reference import assert_mean, normal_moments
from zoo.distributions.autoregressive import FLOOR, AutoregressiveAffine
from zoo.networks.made import MADE

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


# Masked autoregressive flow


def test_maf_density_is_the_change_of_variables():
    layer, z = prior("maf(steps=3, hidden=16)", 3, "float64"), numbers(20, 3, scale=1)
    x, log_det = tf.constant(z), 0
    for network in reversed(layer.networks):
        with tf.GradientTape() as tape:
            tape.watch(x)
            shift, raw_scale = network(x)
            moved = (tf.nn.softplus(raw_scale + np.log(np.expm1(0.9))) + 0.1) * x + shift
        log_det += np.linalg.slogdet(tape.batch_jacobian(moved, x).numpy())[1]
        x = moved
    expected = stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(x.numpy()) + log_det
    np.testing.assert_allclose(layer().log_prob(z), expected, rtol=1e-9)


@pytest.mark.parametrize("latent", [1, 3, 20])
def test_maf_density_of_a_point_is_that_of_the_draw(latent):
    layer = prior("maf", latent, "float64", scale=0.2)
    z, log_prob = layer().experimental_sample_and_log_prob([4, 5], seed=[1, 2])
    assert z.shape == (4, 5, latent)
    np.testing.assert_allclose(layer().log_prob(z.numpy()), log_prob, rtol=1e-8)


def test_maf_draws_come_from_the_normal():
    layer = prior("maf(steps=2, hidden=16)", 3, "float64")
    z0 = layer().bijector.inverse(tf.identity(layer().sample(20_000, seed=[1, 2]).numpy())).numpy()
    assert_mean(z0, 0)
    assert_mean(z0[:, :, None] * z0[:, None], np.eye(3))


# Their steps


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


@pytest.mark.xla
def test_draws_are_differentiated_under_xla_on_a_batch_of_unknown_size():
    layer = prior("maf(hidden=8)", 3, scale=0.3)

    def gradients(noise):
        with tf.GradientTape() as tape:
            z = layer().bijector.forward(noise)  # a draw, of as many passes a step as dimensions
            value = tf.reduce_sum(z**2)
        return tape.gradient(value, layer.trainable_variables)

    noise = tf.constant(singles(7, 3, scale=1))
    compiled = tf.function(gradients, input_signature=[tf.TensorSpec([None, 3])], jit_compile=True)
    for got, expected in zip(compiled(noise), gradients(noise), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
