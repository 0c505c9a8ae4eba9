"""The maximum mean discrepancy against naive loops in numpy, and of known distributions."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

import zoo
from tests.shared.naive_mmd import naive_squared_mmd
from tests.shared.reference import assert_mean
from zoo.objectives.mmd import squared_mmd

L = 5


@pytest.mark.parametrize("simplex", [False, True])
@pytest.mark.parametrize(("draws", "n"), [(1, 2), (1, 9), (4, 6)])
def test_mmd_is_that_of_naive_loops(draws, n, simplex):
    rng = np.random.default_rng(n)
    z, prior_z = rng.normal(1, 2, (draws, n, L)), rng.normal(size=(n, L))
    if simplex:
        z, prior_z = special.softmax(z, axis=-1), special.softmax(prior_z, axis=-1)
    expected = [naive_squared_mmd(points, prior_z) for points in z]  # one for each draw: they average
    np.testing.assert_allclose(squared_mmd(z, prior_z), np.mean(expected), rtol=1e-11)
    single = squared_mmd(tf.constant(z, tf.float32), tf.constant(prior_z, tf.float32))
    np.testing.assert_allclose(single, np.mean(expected), rtol=1e-4, atol=1e-6)


def many_mmds(law, prior_law, n=25, times=3000):
    """MMD² of `times` pairs of n points: draws of the two laws ([shape] ↦ points)."""
    pairs = law((times, 1, n)), prior_law((times, n))
    mmds = tf.function(lambda *pairs: tf.map_fn(lambda pair: squared_mmd(*pair), pairs, fn_output_signature=tf.float64))
    return mmds(*map(tf.constant, pairs)).numpy()


LAWS = {
    "normal": lambda rng: lambda shape: rng.normal(size=(*shape, 2)),
    "shifted": lambda rng: lambda shape: rng.normal(0.7, 1, size=(*shape, 2)),
    "narrow": lambda rng: lambda shape: rng.normal(0, 0.4, size=(*shape, 2)),
    "correlated": lambda rng: lambda shape: np.repeat(rng.normal(size=(*shape, 1)), 2, axis=-1),
    "dirichlet": lambda rng: lambda shape: rng.dirichlet([1, 1, 1], shape),
    "sparse": lambda rng: lambda shape: rng.dirichlet([0.2, 0.2, 0.2], shape),
}


@pytest.mark.parametrize("law", ["normal", "dirichlet"])
def test_mmd_of_one_law_is_zero_on_average(law):
    rng = np.random.default_rng(0)
    assert_mean(many_mmds(LAWS[law](rng), LAWS[law](rng)), 0.0)


@pytest.mark.parametrize(
    ("law", "prior_law"),
    [("shifted", "normal"), ("narrow", "normal"), ("correlated", "normal"), ("sparse", "dirichlet")],
)
def test_mmd_of_two_laws_is_positive(law, prior_law):
    rng = np.random.default_rng(0)
    values = many_mmds(LAWS[law](rng), LAWS[prior_law](rng), times=500)
    assert values.mean() > 0.02
    assert values.mean() > 20 * values.std(ddof=1) / np.sqrt(500)


def test_mmd_of_dirichlet_latents_is_taken_to_draws_of_their_prior(monkeypatch):
    vae = zoo.build("dirichlet_vae", (6,), "real", latent=3, objective="mmd(samples=2)")
    spied, statistic = [], vae.objective.batch_statistic

    def spy(q, p, z, seed):
        spied.append((z.numpy(), p.sample(z.shape[1], seed=seed).numpy()))
        return statistic(q, p, z, seed)

    monkeypatch.setattr(vae.objective, "batch_statistic", spy)
    got = vae(np.float32(np.random.default_rng(0).normal(size=(7, 6)))).batch_statistic
    ((z, prior_z),) = spied
    np.testing.assert_allclose(prior_z.sum(axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(got, np.mean([naive_squared_mmd(row, prior_z) for row in np.float64(z)]), rtol=1e-4)


def test_mmd_in_many_dimensions_tells_a_narrow_law_from_its_prior():
    # All distances are much alike there: with one kernel as wide as the mean of them, 9 standard deviations of a batch.
    rng = np.random.default_rng(0)
    own, narrow = (
        [float(squared_mmd(scale * rng.normal(size=(1, 100, 40)), rng.normal(size=(100, 40)))) for _ in range(40)]
        for scale in (1.0, 0.8)
    )
    assert np.mean(narrow) - np.mean(own) > 12 * np.std(own, ddof=1)


def test_the_mmd_of_one_point_is_zero():
    rng = np.random.default_rng(0)
    assert squared_mmd(np.float32(rng.normal(size=(3, 1, 40))), np.float32(rng.normal(size=(1, 40)))) == 0
