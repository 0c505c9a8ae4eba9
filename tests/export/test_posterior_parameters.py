"""What clients are told of posteriors, one's own too."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from export.signatures.posterior_parameters import parameters

tfd = tfp.distributions

LOC, SCALE = np.float32([[1, 2], [3, 4], [5, 6]]), np.float32([0.5, 0.7])
SCALES = np.tile(SCALE, (3, 1))


def test_families_under_tfp_s_names():
    tril = np.tile(np.float32([[1, 0], [0.5, 2]]), (3, 1, 1))
    assert_are(parameters(tfd.MultivariateNormalTriL(LOC, tril)), loc=LOC, scale_tril=tril)
    operator = tf.linalg.LinearOperatorComposition([tf.linalg.LinearOperatorFullMatrix(tril)] * 2)
    assert_are(parameters(tfd.MultivariateNormalLinearOperator(LOC, operator)), loc=LOC, scale=tril @ tril)
    assert_are(parameters(tfd.Independent(tfd.Normal(LOC, SCALES), 1)), loc=LOC, scale=SCALES)


def test_a_mixture_s_weights_and_components():
    loc = np.stack([LOC, -LOC], axis=1)
    components = tfd.Independent(tfd.Normal(loc, np.ones_like(loc)), 1)
    mixture = tfd.MixtureSameFamily(tfd.Categorical(logits=np.zeros((3, 2), np.float32)), components)
    expected = {"probs": np.full((3, 2), 0.5), "components_loc": loc, "components_scale": np.ones_like(loc)}
    assert_are(parameters(mixture), **expected)


@pytest.mark.parametrize(
    "shared", [tf.constant(SCALE), keras.Variable(SCALE), tf.constant(SCALE[None])], ids=["tensor", "weight", "one row"]
)
def test_what_rows_share_is_told_for_each(shared):
    assert_are(parameters(tfd.MultivariateNormalDiag(tf.constant(LOC), shared)), loc=LOC, scale_diag=SCALES)
    assert_are(parameters(tfd.Independent(tfd.Normal(tf.constant(LOC), shared), 1)), loc=LOC, scale=SCALES)


def test_one_number_and_one_matrix_for_all():
    assert_are(parameters(tfd.Independent(tfd.Normal(LOC, 0.5), 1)), loc=LOC, scale=np.full((3, 2), 0.5))
    tril = np.float32([[1, 0], [0.5, 2]])
    normal = tfd.MultivariateNormalLinearOperator(LOC, tf.linalg.LinearOperatorFullMatrix(tril))
    assert_are(parameters(normal), loc=LOC, scale=np.tile(tril, (3, 1, 1)))


def test_what_the_components_of_a_mixture_share():
    loc = np.stack([LOC, -LOC], axis=1)  # [B, K, L]
    scale = np.float32([[1, 2], [3, 4]])  # [K, L]
    mixture = tfd.MixtureSameFamily(
        tfd.Categorical(logits=np.zeros(2, np.float32)), tfd.MultivariateNormalDiag(loc, scale)
    )
    expected = {"components_loc": loc, "components_scale_diag": np.tile(scale, (3, 1, 1))}
    assert_are(parameters(mixture), probs=np.full((3, 2), 0.5), **expected)


def assert_are(found, **expected):
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6)
