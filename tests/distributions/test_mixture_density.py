"""Densities of mixtures of many components, in products of matrices, against numpy in float64."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import special, stats

from tests.shared.reference import lower_triangle_inverse, many_moments, normal_log_densities, positive_inverse
from zoo import registry
from zoo.distributions import MultivariateNormalLowRank
from zoo.distributions.mixtures.blockwise import BlockwiseMixture
from zoo.distributions.mixtures.log_sum import TOP_COMPONENTS
from zoo.distributions.mixtures.mixture import MixtureSameFamily, matmul_log_prob, pairwise_log_prob

pytestmark = pytest.mark.slow

tfd = tfp.distributions
USED = {"low_rank": "low_rank(rank=2)"}
NATS = 2e-4  # what a density may be wrong by near the components; the most that was measured is 6e-5


class Case:
    """Components of a family in clusters of some that overlap, and draws of them.

    Args:
        name: the normal family.
        kind: "mild", standard deviations of about a half; "sharp", of about 0.03; "inactive", those of the first half
            of the dimensions about 1 with means of about 0, the others sharp.
        m: number of components.
        d: dimensions.
        n: number of points.
    """

    def __init__(self, name, kind, m, d, n=60):
        rng = np.random.default_rng(m + d)
        scale = np.exp(rng.normal(0, 0.2, (m, d))) * (0.5 if kind == "mild" else 0.03)
        centers = rng.normal(size=(-(-m // 25), d))
        loc = np.repeat(centers, 25, axis=0)[:m] + scale * rng.normal(size=(m, d))
        if kind == "inactive":
            loc[:, : d // 2] *= 0.02
            scale[:, : d // 2] = np.exp(rng.normal(0, 0.02, (m, d // 2)))
        self.name, self.d, make = name, d, registry.build("normal", USED.get(name, name))
        rest = {
            "diag": lambda s: positive_inverse(s),
            "low_rank": lambda s: np.append(positive_inverse(s), rng.normal(0, 0.5, 2 * d)),
            "orthogonal": lambda s: np.append(positive_inverse(s), rng.normal(size=d * d)),
            "tril": lambda s: lower_triangle_inverse(
                np.tril(s[:, None] * rng.normal(0, 0.3, (d, d)), -1) + np.diag(positive_inverse(s))
            ),
        }[name]
        self.params = np.float32([np.append(mu, rest(s)) for mu, s in zip(loc, scale, strict=True)])
        self.family = lambda params: make(params, d)
        self.logits = np.float32(rng.normal(size=m))
        self.means, self.covariances = many_moments(name, self.params, d)
        which = rng.integers(m, size=n)
        roots = np.linalg.cholesky(self.covariances[which])
        self.z = np.float32(self.means[which] + np.einsum("nij,nj->ni", roots, rng.normal(size=(n, d))))

    @property
    def components(self):
        return self.family(tf.constant(self.params))

    def mixture(self, logits=None):
        logits = self.logits if logits is None else logits
        return MixtureSameFamily(tfd.Categorical(logits=logits), self.components)

    def streamed(self, chunk=None, logits=None):
        logits = self.logits if logits is None else logits
        return BlockwiseMixture([tf.constant(self.params)], self.family, tf.constant(logits), chunk)

    def expected(self, z=None, logits=None):
        logits = np.float64(self.logits if logits is None else logits)
        each = normal_log_densities(np.float64(self.z if z is None else z), self.means, self.covariances)
        return special.logsumexp(each + special.log_softmax(logits), axis=-1)


def error(log_prob, expected):
    """The most that a density is wrong by, nats."""
    return np.abs(np.float64(log_prob) - expected).max()


SIZES = {"diag": (3_000, 40), "low_rank": (3_000, 40), "tril": (300, 8), "orthogonal": (300, 8)}


@pytest.mark.parametrize("kind", ["mild", "sharp", "inactive"])
@pytest.mark.parametrize("name", SIZES)
def test_density_is_exact(name, kind):
    case = Case(name, kind, *SIZES[name])
    expected = case.expected()
    assert error(case.mixture().log_prob(case.z), expected) < NATS
    assert error(case.streamed(chunk=1_000 if case.d == 40 else 130).log_prob(case.z), expected) < NATS


@pytest.mark.parametrize("kind", ["mild", "inactive"])
@pytest.mark.parametrize("name", ["diag", "low_rank"])
def test_many_components_at_one_point(name, kind):
    case = Case(name, kind, 3_000, 2)
    each = normal_log_densities(np.float64(case.z), case.means, case.covariances) + special.log_softmax(case.logits)
    top = special.logsumexp(np.sort(each, axis=-1)[:, -TOP_COMPONENTS:], axis=-1)
    assert np.median(special.logsumexp(each, axis=-1) - top) > 0.5  # much of it is in the other components
    assert error(case.mixture().log_prob(case.z), case.expected()) < NATS
    assert error(case.streamed().log_prob(case.z), case.expected()) < NATS


@pytest.mark.parametrize("name", ["diag", "low_rank"])
def test_the_products_alone_would_not_do(name):
    case = Case(name, "sharp", 3_000, 40)
    factors, product, _ = matmul_log_prob(case.components, tf.nn.log_softmax(case.logits))
    alone = tf.reduce_logsumexp(product(tf.constant(case.z), *factors), axis=-1)
    assert error(alone, case.expected()) > 10 * NATS
    mild = Case(name, "mild", 200, 4)
    factors, product, _ = matmul_log_prob(mild.components, tf.nn.log_softmax(mild.logits))
    assert error(tf.reduce_logsumexp(product(tf.constant(mild.z), *factors), axis=-1), mild.expected()) < NATS


@pytest.mark.parametrize("sigma", [1e-3, 2e-4])
@pytest.mark.parametrize("near", [5, 10, 100])
def test_draws_of_components_as_sharp_as_can_be(sigma, near):
    # Here the products are wrong by up to hundreds of nats. Nothing but the near components is at a draw.
    rng = np.random.default_rng(0)
    loc = np.repeat(rng.normal(size=(500 // near, 10)), near, axis=0) + 0.5 * sigma * rng.normal(size=(500, 10))
    loc, scale = np.float32(loc), np.full((500, 10), np.float32(sigma))
    z = np.float32(loc[:50] + scale[:50] * rng.normal(size=(50, 10)))
    each = stats.norm(np.float64(loc), np.float64(scale)).logpdf(np.float64(z)[:, None]).sum(axis=-1)
    expected = special.logsumexp(each, axis=-1) - np.log(500)
    q = MixtureSameFamily(tfd.Categorical(logits=np.zeros(500, np.float32)), tfd.MultivariateNormalDiag(loc, scale))
    assert error(q.log_prob(z), expected) < NATS
    # Where there are more, and the top components tell their error, the streamed one does without products.
    streamed = BlockwiseMixture([tf.constant(loc), tf.constant(scale)], tfd.MultivariateNormalDiag, chunk=300)
    assert error(streamed.log_prob(z), expected) < NATS


@pytest.mark.parametrize("sigma", [0.01, 0.001])
@pytest.mark.parametrize("name", ["diag", "low_rank"])
def test_piles_of_sharp_components_where_half_of_the_dimensions_are_inactive(name, sigma):
    rng, d = np.random.default_rng(0), 40
    scale = np.where(np.arange(d) < d // 2, sigma, 1.0) * np.ones((500, d))
    loc = np.where(np.arange(d) < d // 2, np.repeat(rng.normal(size=(5, d)), 100, axis=0), 0.0)
    loc += 0.5 * scale * rng.normal(size=(500, d)) * (np.arange(d) < d // 2)
    loc, scale = np.float32(loc), np.float32(scale)
    z = np.float32(loc[::10] + scale[::10] * rng.normal(size=(50, d)))
    factor = [] if name == "diag" else [np.float32(0.3 * rng.normal(size=(500, d, 2)))]
    family = tfd.MultivariateNormalDiag if name == "diag" else MultivariateNormalLowRank

    def log_prob(loc, scale, dtype):
        tensors = [loc, scale, *(tf.cast(f, dtype) for f in factor)]
        each = family(*tensors).log_prob(tf.cast(z, dtype)[:, None])  # each pair by itself
        return tf.reduce_logsumexp(each, axis=-1) - np.log(500)

    def gradients(function, *tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        return value, tape.gradient(value, tensors)

    exact, exact_gradients = gradients(
        lambda loc, scale: log_prob(loc, scale, tf.float64),
        tf.constant(loc, tf.float64),
        tf.constant(scale, tf.float64),
    )
    weights = tfd.Categorical(logits=np.zeros(500, np.float32))
    got, got_gradients = gradients(
        lambda loc, scale: MixtureSameFamily(weights, family(loc, scale, *factor)).log_prob(z),
        tf.constant(loc),
        tf.constant(scale),
    )
    assert error(got, exact) < NATS
    for a, b in zip(got_gradients, exact_gradients, strict=True):
        assert np.linalg.norm(np.float64(a) - b) < 1e-4 * np.linalg.norm(b)


@pytest.mark.parametrize("m", [1, 2, 31, 32, 33, 65, 2_048, 2_049, 2_100])
def test_any_number_of_components(m):
    case = Case("diag", "sharp", m, 3)
    assert error(case.mixture().log_prob(case.z), case.expected()) < NATS


@pytest.mark.parametrize(("m", "chunk"), [(1, None), (33, 33), (100, 33), (100, 7), (2_101, 2_100), (2_130, None)])
def test_any_number_of_components_in_blocks_of_any_size(m, chunk):
    case = Case("low_rank", "sharp", m, 3)
    assert error(case.streamed(chunk).log_prob(case.z), case.expected()) < NATS


@pytest.mark.parametrize("distance", [1e2, 1e4])
@pytest.mark.parametrize("name", ["diag", "low_rank", "tril"])
def test_far_away_the_density_is_finite_and_right_in_what_float32_can_say(name, distance):
    case = Case(name, "sharp", 300, 6)
    z = np.float32(distance * case.z[:10])
    for q in (case.mixture(), case.streamed(chunk=100)):
        np.testing.assert_allclose(q.log_prob(z), case.expected(z), rtol=2e-6)


@pytest.mark.parametrize("m", [40, 2_049])
def test_weights_far_apart_and_of_zero(m):
    case = Case("diag", "sharp", m, 3)
    rng = np.random.default_rng(1)

    def value_and_gradient(z, logits):
        with tf.GradientTape() as tape:
            tape.watch(z)
            log_prob = case.mixture(logits).log_prob(z)
        return log_prob, tape.gradient(log_prob, z)

    compiled = tf.function(value_and_gradient, jit_compile=True)
    for there in ([m - 1], range(3, m, 300), rng.permutation(m)[: m // 2]):
        logits = np.full(m, -np.inf, np.float32)
        logits[there] = rng.normal(0, 20, len(there))
        expected = case.expected(logits=logits)
        for function in (value_and_gradient, compiled) if m == 2_049 else (value_and_gradient,):
            log_prob, gradient = function(tf.constant(case.z), tf.constant(logits))
            np.testing.assert_allclose(log_prob, expected, rtol=1e-6, atol=NATS)
            assert np.all(np.isfinite(gradient))
    np.testing.assert_allclose(case.streamed(logits=logits).log_prob(case.z), expected, rtol=1e-6, atol=NATS)


@pytest.mark.xla
@pytest.mark.parametrize("name", ["diag", "low_rank"])
def test_gradients_are_those_of_the_plain_formula(name):
    make = registry.build("normal", USED.get(name, name))

    def gradients(log_prob, *tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = tf.reduce_sum(log_prob(*tensors))
        return tape.gradient(value, tensors)

    def plain(z, params, logits):
        return tf.reduce_logsumexp(make(params, 4).log_prob(z[:, None]) + tf.nn.log_softmax(logits), axis=-1)

    def products(z, params, logits):
        return MixtureSameFamily(tfd.Categorical(logits=logits), make(params, 4)).log_prob(z)

    compiled = tf.function(lambda *tensors: gradients(products, *tensors), jit_compile=True)
    for kind in ("mild", "sharp"):
        case = Case(name, kind, 200, 4, n=20)
        arrays = case.z, case.params, case.logits
        expected = gradients(plain, *(tf.constant(array, "float64") for array in arrays))
        eager = lambda *tensors: gradients(products, *tensors)  # noqa: E731
        for function in (eager, compiled) if name == "diag" else (eager,):  # XLA takes its time for the other
            for got, right in zip(function(*map(tf.constant, arrays)), expected, strict=True):
                assert error(got, right) < 1e-4 * np.abs(right).max()  # measured: 3e-5


@pytest.mark.xla
@pytest.mark.parametrize("name", ["diag", "low_rank", "tril", "orthogonal"])
def test_compiled_it_is_the_same(name):
    case = Case(name, "sharp", 100, 5)
    z, expected = case.z.reshape(4, 15, 5), case.expected().reshape(4, 15)
    for jit_compile in (False, True):
        got = tf.function(lambda z: case.mixture().log_prob(z), jit_compile=jit_compile)(z)
        assert error(got, expected) < NATS


@pytest.mark.parametrize("name", ["diag", "low_rank", "tril", "orthogonal"])
def test_pairwise_densities(name):
    case = Case(name, "mild", 7, 3)
    expected = normal_log_densities(np.float64(case.z), case.means, case.covariances)
    np.testing.assert_allclose(pairwise_log_prob(case.components, tf.constant(case.z)), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ["diag", "low_rank", "tril", "orthogonal"])
def test_draws_are_of_the_components_as_often_as_their_weights_say(name):
    case = Case(name, "sharp", 200, 2)
    case.params[:, 0] = 10 * np.arange(200)
    probabilities = special.softmax(np.float64(case.logits))
    for q in (case.mixture(), case.streamed()):
        z = q.sample(50_000, seed=[1, 2]).numpy()
        counts = np.bincount(np.int64(np.round(z[:, 0] / 10)), minlength=200)
        assert stats.chisquare(counts, 50_000 * probabilities).pvalue > 1e-6  # fails by chance once in a million
