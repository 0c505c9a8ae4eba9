"""The total correlation's weights, and its estimates of q(z), by hand."""

from itertools import permutations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from test_objectives import B, K, L, naive_log_aggregated, objective, terms

import zoo
from tests.models.small_vae import X, small_vae
from zoo.objectives import TotalCorrelation
from zoo.objectives.total_correlation import stratified_log_weights


@pytest.mark.parametrize(("batch", "examples"), [(2, 2), (2, 9), (5, 5), (5, 6), (5, 60_000), (64, 1e6)])
def test_stratified_weights(batch, examples):
    weights = np.exp(stratified_log_weights(batch, tf.constant(examples, tf.float64)).numpy())
    m = batch - 1
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.diag(weights), 1 / examples, rtol=1e-12)
    other = (examples - m) / (examples * m)
    for i, row in enumerate(weights):
        rest = np.delete(row, i)  # of one example it has the one weight, of all others the other
        np.testing.assert_allclose(np.sort(rest), [other] + [1 / m] * (m - 1), rtol=1e-12)


def test_a_data_set_smaller_than_the_batch_counts_as_the_batch():
    for examples in (0.0, 3.0):
        fewer, equal = (stratified_log_weights(5, tf.constant(n, tf.float64)) for n in (examples, 5.0))
        np.testing.assert_array_equal(fewer, equal)


def aggregated(locs, scales, z, examples):
    """exp of what the objective says of log q(z) and log Πⱼ q(zⱼ), for draws z [K, B, L] of diagonal normals."""
    layer = objective(TotalCorrelation, dtype="float64")
    layer.adapt(np.zeros(examples))
    q = zoo.parameterizations.Diag()(tf.zeros([len(locs), 2 * L], tf.float64), L)
    q = q.copy(loc=locs, scale_diag=scales)
    return np.exp(layer.batch_statistic(q, None, tf.constant(z), None).numpy())


@pytest.mark.parametrize("batch", [2, 3, 4])
def test_log_q_z_averages_over_all_batches_to_the_whole_data_set(batch):
    """q(z) = 1/N Σ q(z|xₙ) is what the estimate gives on average over every batch that holds z's own example.

    On one batch it is another number even where that batch is the whole data set, as at 4 here: the examples
    weigh 1/N, 1/(N (N − 1)) and 1/(N − 1) then, not 1/N each.
    """
    n, rng = 4, np.random.default_rng(0)
    locs, scales, z = rng.normal(size=(n, L)), rng.uniform(0.5, 2, (n, L)), rng.normal(size=L)
    estimates = []
    for chosen in map(list, permutations(range(n), batch)):
        if 0 in chosen:
            estimate = aggregated(locs[chosen], scales[chosen], np.tile(z, (1, batch, 1)), n)
            estimates.append(estimate[0, 0, chosen.index(0)])
    exact = stats.norm(locs, scales).pdf(z).prod(axis=1).mean()
    assert np.mean(estimates) == pytest.approx(exact, rel=1e-12)
    assert np.std(estimates) > 0.01 * exact


def test_log_product_of_the_marginals_in_one_dimension_is_log_q_z():
    vae = zoo.build("diag_vae", (6,), "real", latent=1, objective="tc(samples=3)")
    log_q, log_product = vae(np.float32(np.random.default_rng(0).normal(size=(7, 6)))).batch_statistic.numpy()
    np.testing.assert_allclose(log_product, log_q, rtol=1e-5)


@pytest.mark.parametrize("posterior", ["diag", "tril", "std_corr", "orthogonal", "low_rank"])
def test_log_q_z_is_that_of_a_double_loop(posterior):
    vae = small_vae("tc(samples=3)", posterior)
    vae.adapt(np.zeros((11, 3)))
    terms, q = vae(X), vae.encode(X)
    posteriors = list(zip(q.mean().numpy(), np.linalg.cholesky(q.covariance()), strict=True))
    expected = [[naive_log_aggregated(posteriors, z, b, 11) for b, z in enumerate(row)] for row in terms.z.numpy()]
    np.testing.assert_allclose(np.moveaxis(terms.batch_statistic, 0, -1), expected, rtol=1e-10)


@pytest.mark.parametrize("weights", ["learned", "nonsense"])
def test_equal_weights_give_the_elbo_whatever_q_z(weights):
    vae = small_vae("tc(alpha=1.0, beta=1.0, gamma=1.0, samples=3)", "tril")
    t = vae(X)
    if weights == "nonsense":
        t = t._replace(batch_statistic=100 * np.random.default_rng(0).normal(size=t.batch_statistic.shape))
    np.testing.assert_allclose(vae.objective(t), t.log_weights.numpy().mean(axis=0), rtol=1e-12)


def test_tc_formula():
    log_q, log_product = np.float32(np.random.default_rng(1).normal(size=(2, K, B)))
    t = terms(aggregate=[log_q, log_product])
    layer = objective(TotalCorrelation, alpha=0.5, beta=3.0, gamma=2.0)
    layer.annealing.assign(0.25)
    log_px, log_pz, log_qz = (v.numpy() for v in t[:3])
    penalty = 0.5 * (log_qz - log_q) + 3 * (log_q - log_product) + 2 * (log_product - log_pz)
    np.testing.assert_allclose(layer(t), (log_px - 0.25 * penalty).mean(axis=0), rtol=1e-5, atol=1e-5)


def test_adapt_tells_how_many_examples_there_are():
    vae = small_vae("tc")
    x = np.random.default_rng(0).normal(size=(1234, 3))
    before = vae(X).batch_statistic
    vae.adapt(x)
    vae.seed_counter.assign(0)
    assert vae.objective.examples.numpy() == 1234
    assert np.abs(vae(X).batch_statistic - before).max() > 0.01
