"""The aggregated posterior against numpy in float64, on handwritten digits and where it is known."""

import resource

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import special, stats

import zoo
from tests.models.linear_gaussian import exact, linear_vae
from tests.models.linear_gaussian import model as linear_model
from tests.shared.reference import (
    assert_mean,
    many_moments,
    mixture_moments,
    normal_log_densities,
    positive,
)
from training.data import load_dataset
from zoo.distributions.mixtures.blockwise import BlockwiseMixture
from zoo.posteriors import TriLNormalPosterior

pytestmark = pytest.mark.slow

tfd = tfp.distributions
N, L = 500, 4
NORMALS = zoo.names("normal")


@pytest.fixture(scope="module")
def x():
    return load_dataset("digits").train[:N]


def model(posterior="diag", sharp=False):
    """An untrained model whose posteriors are far apart, with standard deviations of about 1, or of 0.03."""
    kind = "dirichlet_vae" if posterior == "dirichlet" else "diag_vae"
    network = "gated_mlp(hidden=(16, 16))"
    vae = zoo.build(kind, (8, 8, 1), "unit", latent=L, posterior=posterior, network=network)
    layers = [vae.posterior] if hasattr(vae.posterior, "params_size") else []
    layers = (
        [vae.posterior.top_layer, vae.posterior.conditional_layer] if posterior.startswith("hierarchical") else layers
    )
    for layer in layers:
        kernel, bias = layer.params.get_weights()
        loud = {"mixture": 3 * L}.get(posterior, layer.event_shape[0])
        bias[loud : 2 * loud] = -3.5 if sharp else 0
        layer.params.set_weights([kernel * np.where(np.arange(len(bias)) < loud, 15, 3), bias])
    return vae


def aggregated(vae, x, **options):
    return zoo.aggregated_posterior(vae, x, progress=False, **options)


def params(vae, x):
    """What the posteriors are made of, in float64."""
    kernel, bias = (np.float64(w) for w in vae.posterior.params.get_weights())
    return np.float64(vae.features(x)) @ kernel + bias


def normals(vae, x):
    """Weights, means and covariances of all the normals that a normal or a mixture posterior of data is made of."""
    name, raw = zoo.registry.name_of(vae.posterior), params(vae, x)
    if name != "mixture":
        return np.full(len(x), 1 / len(x)), *many_moments(name, raw, L)
    loc, raw_scale, logits = np.split(raw, [3 * L, 6 * L], axis=-1)
    variances = positive(raw_scale.reshape(-1, L)) ** 2
    return special.softmax(logits, axis=-1).ravel() / len(x), loc.reshape(-1, L), variances[:, :, None] * np.eye(L)


def dirichlet_log_densities(z, concentration):
    """[P, N] of points z [P, L] and α [N, L]."""
    log_norm = special.gammaln(concentration.sum(axis=-1)) - special.gammaln(concentration).sum(axis=-1)
    return np.log(z) @ (concentration - 1).T + log_norm


def log_mean_exp(each):
    return special.logsumexp(each, axis=-1) - np.log(each.shape[-1])


@pytest.mark.parametrize("posterior", [*NORMALS, "mixture"])
def test_density_and_moments_are_those_of_the_mixture_over_all_examples(x, posterior):
    vae = model(posterior)
    q = aggregated(vae, x)
    z = np.concatenate([q.sample(60, seed=[0, 1]), np.random.default_rng(0).normal(size=(20, L))]).astype(np.float32)
    weights, means, covariances = normals(vae, x)
    expected = special.logsumexp(normal_log_densities(np.float64(z), means, covariances), axis=-1, b=weights)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-5, atol=5e-5)
    np.testing.assert_allclose(aggregated(vae, x, chunk=70).log_prob(z), expected, rtol=1e-5, atol=5e-5)
    mean, covariance = mixture_moments(weights, means, covariances)
    np.testing.assert_allclose(q.mean(), mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(q.covariance(), covariance, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(q.stddev(), np.sqrt(np.diag(covariance)), rtol=1e-5)


def test_density_and_moments_of_dirichlets(x):
    vae = model("dirichlet")
    q, concentration = aggregated(vae, x), positive(params(vae, x), 0.1)
    z = q.sample(80, seed=[0, 1]).numpy()
    expected = log_mean_exp(dirichlet_log_densities(np.float64(z), concentration))
    for chunk in (None, 70):
        np.testing.assert_allclose(aggregated(vae, x, chunk=chunk).log_prob(z), expected, rtol=1e-5, atol=5e-5)
    each = [stats.dirichlet(row) for row in concentration]
    mean, covariance = mixture_moments(np.full(N, 1 / N), [p.mean() for p in each], [p.cov() for p in each])
    np.testing.assert_allclose(q.mean(), mean, rtol=1e-5)
    np.testing.assert_allclose(q.covariance(), covariance, atol=1e-6)


def test_density_of_hierarchical_posteriors(x):
    vae = model("hierarchical(hidden=16)")
    z = (q := aggregated(vae, x)).sample(80, seed=[0, 1])
    expected = log_mean_exp(np.float64(vae.encode(x).log_prob(z[:, None])))
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-5, atol=5e-5)
    np.testing.assert_allclose(aggregated(vae, x, chunk=70).log_prob(z), expected, rtol=1e-5, atol=5e-5)


@pytest.mark.parametrize("posterior", ["diag", "mixture", "dirichlet", "orthogonal"])
def test_moments_of_draws_are_its_own(x, posterior):
    q = aggregated(model(posterior), x)
    z = np.float64(q.sample(20_000, seed=[1, 2]))
    assert_mean(z, q.mean().numpy())
    centered = z - q.mean().numpy()
    assert_mean(centered[:, :, None] * centered[:, None], q.covariance().numpy())


def test_draws_are_a_function_of_the_seed(x):
    q = aggregated(model(), x)
    np.testing.assert_array_equal(q.sample([3, 4], seed=[1, 2]), q.sample([3, 4], seed=[1, 2]))
    assert not np.any(q.sample(5, seed=[1, 2]) == q.sample(5, seed=[1, 3]))
    assert q.sample().shape == (L,)


@pytest.mark.parametrize("posterior", ["diag", "low_rank(rank=2)"])
def test_draws_come_from_every_example_equally_often(x, posterior):
    vae = model(posterior, sharp=True)
    means = vae.encode(x[:50]).mean().numpy()
    apart = np.linalg.norm(means[:, None] - means, axis=-1) + 9 * np.eye(50)
    assert apart.min() > 10 * vae.encode(x[:50]).stddev().numpy().max()
    z = aggregated(vae, x[:50]).sample(20_000, seed=[1, 2]).numpy()
    nearest = np.argmin(np.linalg.norm(z[:, None] - means, axis=-1), axis=-1)
    # By chance, this fails once in a million.
    assert stats.chisquare(np.bincount(nearest, minlength=50)).pvalue > 1e-6


def test_a_subsample_is_of_distinct_examples_and_the_seeds_choice(x):
    vae = model()
    everything = aggregated(vae, x).mean
    rows = params(vae, x)

    def chosen(**options):
        (tensor,) = aggregated(vae, x, subsample=60, **options).tensors
        near = np.linalg.norm(tensor.numpy()[:, None] - rows, axis=-1)
        assert near.min(axis=-1).max() < 1e-4
        return np.argmin(near, axis=-1)

    assert len(set(chosen())) == 60
    np.testing.assert_array_equal(chosen(), chosen(seed=0))
    assert len(set(chosen()) & set(chosen(seed=1))) < 30
    np.testing.assert_allclose(aggregated(vae, x, subsample=N).mean(), everything(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("posterior", ["diag", "tril"])
def test_a_compressed_one_keeps_mean_and_covariance(x, posterior):
    vae = model(posterior)
    q = aggregated(vae, x)
    for components in (1, 12):
        c = aggregated(vae, x, compress=components)
        assert isinstance(c, zoo.CompressedPosterior)
        assert c.count == components
        np.testing.assert_allclose(c.mean(), q.mean(), atol=1e-5)
        np.testing.assert_allclose(c.covariance(), q.covariance(), rtol=1e-5, atol=1e-4)
    mean, covariance = c.mean().numpy(), c.covariance().numpy()
    z = np.float64(c.sample(20_000, seed=[1, 2])) - mean
    assert_mean(z, 0)
    assert_mean(z[:, :, None] * z[:, None], covariance)


def test_the_loss_of_compression_falls_to_nothing(x):
    vae = model(sharp=True)
    q, x = aggregated(vae, x[:200]), x[:200]
    compressed = [aggregated(vae, x, compress=m) for m in (1, 6, 40, 200)]
    losses = np.array([(c.kl, c.kl_standard_error) for c in compressed])
    assert np.all(losses[:, 0] > -5 * losses[:, 1])
    assert np.all(np.diff(losses[:, 0]) < 5 * np.hypot(losses[1:, 1], losses[:-1, 1]))
    assert losses[0, 0] > 1
    assert abs(losses[-1, 0]) < 1e-4  # a component for each example
    z = q.sample(5_000, seed=[7, 7])  # other draws than those that `kl` is estimated from
    own = (q.log_prob(z) - compressed[2].log_prob(z)).numpy()
    assert abs(own.mean() - losses[2, 0]) < 5 * np.hypot(losses[2, 1], own.std() / np.sqrt(5_000))


def test_equal_seeds_compress_equally(x):
    vae = model()
    first, again = (aggregated(vae, x, compress=8, subsample=100, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.tensors[0], again.tensors[0])
    assert first.kl == again.kl


def test_a_flow_has_draws_but_no_density(x):
    q = aggregated(model("iaf(hidden=8)"), x)
    assert np.all(np.isfinite(q.sample(50, seed=[0, 1])))
    with pytest.raises(NotImplementedError, match=r"'iaf'.*Only sample from it"):
        q.log_prob(np.zeros((3, L), np.float32))
    c = aggregated(model("iaf(hidden=8)"), x, compress=5)
    assert c.kl is None
    assert np.all(np.isfinite(c.log_prob(c.sample(5, seed=[0, 1]))))


def test_dirichlets_are_not_compressed(x):
    with pytest.raises(ValueError, match=r"'dirichlet'.*simplex.*subsample"):
        aggregated(model("dirichlet"), x, compress=5)


def test_later_training_leaves_it_alone(x):
    vae = model("tril")
    q = aggregated(vae, x)
    z = q.sample(20, seed=[0, 1])
    before, log_prob = q.mean().numpy(), q.log_prob(z).numpy()
    vae.compile("sgd", run_eagerly=True)
    vae.fit(x[:50], epochs=1, verbose=0)
    assert np.abs(aggregated(vae, x).mean() - before).max() > 1e-3
    np.testing.assert_array_equal(q.mean(), before)
    np.testing.assert_array_equal(q.log_prob(z), log_prob)
    np.testing.assert_array_equal(q.sample(20, seed=[0, 1]), z)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda x: x[:, :4], {}, r"Expected data of shape \[B, 8, 8, 1\], got \[500, 4, 8, 1\]"),
        (lambda x: x[:0], {}, "at least one example"),
        (lambda x: np.where(x > 0.9, np.nan, x), {}, "NaN"),
        (lambda x: 2 * x, {}, r"values in \[0, 1\]"),
        *[
            (lambda x: x, {what: value}, rf"{what} to be a whole number, from 1 to 500, got {value}")
            for what in ("subsample", "compress")
            for value in (0, N + 1, 1.5)
        ],
        (lambda x: x, {"subsample": 10, "compress": 11}, "compress to be a whole number, from 1 to 10, got 11"),
        (lambda x: x, {"chunk": 0}, "chunk to be a whole number, 1 or more"),
        (lambda x: x, {"seed": -1}, "seed"),
    ],
)
def test_what_is_impossible_is_refused_in_a_sentence(x, change, options, message):
    with pytest.raises(ValueError, match=message):
        aggregated(model(), change(x), **options)


@pytest.mark.parametrize("posterior", ["diag", "tril"])
def test_leading_axes_and_compiled_functions(x, posterior):
    q = aggregated(model(posterior), x)
    z = q.sample([3, 2], seed=[0, 1])
    log_prob = q.log_prob(z)
    assert log_prob.shape == (3, 2)
    np.testing.assert_allclose(q.log_prob(tf.reshape(z, [6, L])), np.ravel(log_prob), rtol=1e-6)
    np.testing.assert_allclose(q.log_prob(z[1, 1]), log_prob[1, 1], rtol=1e-6)
    np.testing.assert_allclose(tf.function(q.log_prob)(z), log_prob, rtol=1e-5)
    np.testing.assert_array_equal(tf.function(lambda: q.sample([3, 2], seed=[0, 1]))(), z)
    assert q.log_prob(np.zeros((0, L), np.float32)).shape == (0,)


def test_more_points_than_a_block_holds(x):
    q = aggregated(model(), x)
    z = q.sample(1_300, seed=[0, 1])
    np.testing.assert_allclose(q.log_prob(z)[1_000:], q.log_prob(z[1_000:]), rtol=1e-5, atol=1e-5)


def test_over_all_data_it_is_the_prior_if_the_posterior_is_exact():
    truth, vae = linear_model(), exact(linear_vae(TriLNormalPosterior, "float64"))
    data = truth.sample(20_000, np.random.default_rng(5))
    q = aggregated(vae, data)
    means = (data - truth.b) @ truth.posterior_map.T
    z = np.random.default_rng(6).normal(size=(30, 3))
    each = normal_log_densities(means, z, np.repeat(truth.posterior_covariance[None], 30, axis=0))  # symmetric in μ, z
    np.testing.assert_allclose(q.log_prob(z), log_mean_exp(each.T), rtol=1e-9, atol=1e-9)
    assert_mean(np.exp(each), np.exp(stats.multivariate_normal(np.zeros(3)).logpdf(z)))
    assert_mean(means, q.mean().numpy())
    second = means[:, :, None] * means[:, None] + truth.posterior_covariance
    assert_mean(second, np.eye(3))
    np.testing.assert_allclose(q.covariance(), second.mean(0) - np.outer(means.mean(0), means.mean(0)), atol=1e-9)


def test_memory_does_not_grow_with_points_times_components():
    n, points, d = 20_000, 2_000, 10
    loc = tf.random.stateless_normal([n, d], [0, 1])
    q = BlockwiseMixture([loc, 0.1 * tf.ones([n, d])], tfd.MultivariateNormalDiag)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert np.all(np.isfinite(q.log_prob(loc[:points])))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024  # bytes
    assert grown < 0.5e9 < n * points * d * 4
