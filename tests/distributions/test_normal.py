"""Normal families against scipy and numpy in float64."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

import zoo
from tests.shared.reference import assert_mean, normal_kl, normal_moments, normal_params, reflections_product
from zoo import registry
from zoo.distributions import LinearOperatorHouseholderProduct, MultivariateNormalLowRank, kl_divergence
from zoo.distributions.mixtures.mixture import pairwise_log_prob
from zoo.distributions.positive import MIN_SCALE, positive
from zoo.parameterizations.triangular import strictly_lower

tfd = tfp.distributions
FAMILIES = zoo.names("normal")
FULL = ("tril", "std_corr", "orthogonal")  # those that reach every covariance


def numbers(*shape, scale=0.5, seed=0):
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def family(name, d, batch=()):
    """Normals of that family at random parameters, and the parameters."""
    make = registry.build("normal", name)
    params = numbers(*batch, make.params_size(d))
    return make(tf.constant(params), d), params


def normal_prior(name, d):
    """A normal prior at random weights, and its moments in float64."""
    layer = registry.build("prior", name, event_shape=(d,))
    layer.build(None)
    params = numbers(2 * d if name == "diag" else d + d * (d + 1) // 2, seed=7)
    if name == "standard":
        return layer(), (np.zeros(d), np.eye(d))
    layer.set_weights([params])
    return layer(), normal_moments(name, params, d)


def assert_close(actual, expected, tolerance=1e-5):
    """Within tolerance × (1 + |expected|)."""
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def test_positive_is_one_at_zero_and_over_its_floor():
    assert positive(tf.constant(0.0)).numpy() == pytest.approx(1, abs=1e-6)
    assert positive(tf.constant(0.0), floor=0.3).numpy() == pytest.approx(1, abs=1e-6)
    assert np.all(positive(tf.constant([-100.0, -1e4, -1e30])) >= MIN_SCALE)


@pytest.mark.parametrize("name", FAMILIES)
def test_all_parameters_zero_give_the_standard_normal(name):
    make = registry.build("normal", name)
    q = make(tf.zeros([make.params_size(4)]), 4)
    np.testing.assert_allclose(q.mean(), np.zeros(4), atol=1e-6)
    np.testing.assert_allclose(q.covariance(), np.eye(4), atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "d", "size"),
    [
        ("diag", 20, 40),
        ("tril", 20, 20 + 210),
        ("std_corr", 20, 20 + 210),
        ("orthogonal", 20, 40 + 20 * 20),
        ("orthogonal", 100, 200 + 32 * 100),
        ("orthogonal(reflections=3)", 20, 40 + 3 * 20),
        ("low_rank", 20, 40 + 4 * 20),
        ("low_rank(rank=5)", 20, 40 + 5 * 20),
    ],
)
def test_number_of_parameters(spec, d, size):
    make = registry.build("normal", spec)
    assert make.params_size(d) == size
    assert make(tf.zeros([3, size]), d).event_shape == [d]


@pytest.mark.parametrize(
    ("name", "d"),
    [
        *((name, d) for name in [*FAMILIES, "orthogonal(reflections=3)"] for d in (1, 2, 16)),
        *(("low_rank(rank=3)", d) for d in (3, 16)),
    ],
)
def test_density_and_moments(name, d):
    q, params = family(name, d, batch=(3,))
    z = numbers(50, d, scale=2, seed=1)
    densities = q.log_prob(z[:, None]).numpy()
    for i, row in enumerate(params):
        mean, covariance = normal_moments(registry.parse(name)[0], row, d)
        law = stats.multivariate_normal(mean, covariance)
        assert_close(densities[:, i], law.logpdf(z), 2e-5)
        assert_close(q.mean()[i], mean)
        assert_close(q.covariance()[i], covariance)
        assert_close(q.stddev()[i], np.sqrt(np.diag(covariance)))
        assert_close(q.variance()[i], np.diag(covariance))
        assert_close(q.entropy()[i], law.entropy())


@pytest.mark.parametrize("name", FAMILIES)
def test_draws_have_its_moments(name):
    q, params = family(name, 3)
    mean, covariance = normal_moments(name, params, 3)
    z = q.sample(50_000, seed=[1, 2]).numpy().astype(np.float64)
    assert_mean(z, mean)
    centered = z - mean
    assert_mean(centered[:, :, None] * centered[:, None, :], covariance)


@pytest.mark.parametrize("name", FAMILIES)
def test_density_that_comes_with_draws(name):
    q, params = family(name, 5, batch=(3,))
    z, log_prob = q.experimental_sample_and_log_prob([40], seed=[1, 2])
    assert z.shape == (40, 3, 5)
    assert_close(q.log_prob(z.numpy()), log_prob)
    for i, row in enumerate(params):
        law = stats.multivariate_normal(*normal_moments(name, row, 5))
        assert_close(log_prob[:, i], law.logpdf(z[:, i].numpy().astype(np.float64)))
        whitened = np.linalg.solve(np.linalg.cholesky(law.cov), (z[:, i].numpy() - law.mean).T)
        assert_mean(whitened.T**2, 1)


@pytest.mark.parametrize("reflections", [1, 3, 7])
def test_householder_product_is_that_of_its_reflections(reflections):
    vectors = np.random.default_rng(0).normal(size=(2, reflections, 4))
    directions = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    operator = LinearOperatorHouseholderProduct(tf.constant(np.swapaxes(directions, 1, 2)))
    expected = np.stack([reflections_product(v) for v in vectors])
    x = np.random.default_rng(1).normal(size=(2, 4, 3))
    np.testing.assert_allclose(operator.to_dense(), expected, atol=1e-12)
    np.testing.assert_allclose(operator.matmul(x), expected @ x, atol=1e-12)
    np.testing.assert_allclose(operator.matmul(x, adjoint=True), np.swapaxes(expected, 1, 2) @ x, atol=1e-12)
    np.testing.assert_allclose(operator.solve(x), np.swapaxes(expected, 1, 2) @ x, atol=1e-12)
    np.testing.assert_allclose(operator.log_abs_determinant(), [0, 0], atol=1e-12)


def a_normal(d, condition, seed=0):
    """A mean and a covariance of that condition number, float64."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    variances = condition ** np.linspace(-0.5, 0.5, d)
    return rng.normal(size=d), rotation @ np.diag(variances) @ rotation.T


def as_family(name, mean, covariance, dtype=np.float32):
    """The normal with those moments in that family."""
    d = len(mean)
    make = registry.build("normal", f"orthogonal(reflections={d})" if name == "orthogonal" else name)
    return make(tf.constant(normal_params(name, mean, covariance), dtype), d)


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("condition", [10, 1e4])
@pytest.mark.parametrize("d", [1, 2, 16])
def test_every_covariance_is_reached(name, d, condition):
    mean, covariance = a_normal(d, condition)
    np.testing.assert_allclose(as_family(name, mean, covariance, np.float64).covariance(), covariance, atol=1e-9)


@pytest.mark.parametrize("condition", [10, 1e4])
@pytest.mark.parametrize("d", [2, 16, 64])
def test_families_agree_on_one_covariance(d, condition):
    mean, covariance = a_normal(d, condition)
    prior_moments = a_normal(d, 10, seed=2)
    law, rng = stats.multivariate_normal(mean, covariance), np.random.default_rng(1)
    near = law.rvs(100, rng).astype(np.float32)
    far = np.concatenate([mean + 3 * (near - mean), mean + 3 * rng.normal(size=(50, d))]).astype(np.float32)
    standard, prior = (as_family("tril", *moments) for moments in [(np.zeros(d), np.eye(d)), prior_moments])

    def values(name):
        q = as_family(name, mean, covariance)
        kls = [kl_divergence(q, p, None, None)[0] for p in (standard, prior)]
        return np.array([*q.log_prob(near), q.entropy(), *kls]), q.log_prob(far).numpy()

    kls = normal_kl(mean, covariance, np.zeros(d), np.eye(d)), normal_kl(mean, covariance, *prior_moments)
    expected = np.array([*law.logpdf(np.float64(near)), law.entropy(), *kls]), law.logpdf(np.float64(far))
    found = [values(name) for name in FULL]
    # Whitening loses a factor √condition of float32's digits, which far points show.
    tolerances = 1e-5, max(1e-5, 2 * condition**0.5 * np.finfo(np.float32).eps)
    for one in found:
        for other in (expected, *found):
            for a, b, tolerance in zip(one, other, tolerances, strict=True):
                assert_close(a, b, tolerance)


@pytest.mark.parametrize("posterior", FAMILIES)
@pytest.mark.parametrize("prior", ["standard", "diag", "tril"])
def test_kl_to_normal_priors_is_in_closed_form(posterior, prior):
    d = 5
    q, params = family(posterior, d, batch=(3,))
    p, p_moments = normal_prior(prior, d)
    kl = kl_divergence(q, p, None, None)  # without draws: an estimate from draws would fail
    expected = [normal_kl(*normal_moments(posterior, row, d), *p_moments) for row in params]
    assert_close(tf.reduce_sum(kl, axis=-1), expected)
    diagonal = posterior == "diag" and prior in ("standard", "diag")
    assert kl.shape == ([3, d] if diagonal else [3, 1])


def test_kl_of_each_dimension():
    q, params = family("diag", 4, batch=(2,))
    p = registry.build("prior", "standard", event_shape=(4,))()
    scale = positive(tf.constant(params[:, 4:])).numpy()
    expected = 0.5 * (params[:, :4] ** 2 + scale**2 - 1) - np.log(scale)
    np.testing.assert_allclose(kl_divergence(q, p, None, None), expected, rtol=1e-5, atol=1e-6)


def shapes(function, *arguments):
    """Of every tensor in a function's graph."""
    graph = tf.function(function).get_concrete_function(*map(tf.TensorSpec.from_tensor, arguments)).graph
    assert not graph.as_graph_def().library.function  # no graph within the graph
    return [output.shape for op in graph.get_operations() for output in op.outputs]


@pytest.mark.parametrize("gradient", [False, True])
def test_low_rank_makes_no_square_matrix(gradient):
    d, make = 512, registry.build("normal", "low_rank(rank=4)")
    params, z = tf.constant(numbers(100, make.params_size(d), scale=0.1)), tf.constant(numbers(100, d))
    standard = registry.build("prior", "standard", event_shape=(d,))

    def values(params, z):
        with tf.GradientTape() as tape:
            tape.watch([params, z])
            q = make(params, d)
            drawn, log_prob = q.experimental_sample_and_log_prob(2, seed=[1, 2])
            terms = [kl_divergence(q, standard(), None, None)[:, 0], q.entropy(), q.log_prob(z), log_prob, drawn]
            total = tf.add_n([tf.reduce_sum(term) for term in terms])
        return [*terms, *tape.gradient(total, [params, z])] if gradient else terms

    everything = shapes(values, params, z)
    assert all(shape.is_fully_defined() for shape in everything if shape.rank != 1)
    assert not [shape for shape in everything if shape.rank > 1 and sum(n >= d for n in shape) > 1]
    assert all(np.all(np.isfinite(value)) for value in values(params, z))


@pytest.mark.parametrize("size", [1.0, 1e3])
def test_low_rank_is_accurate_at_small_scales(size):
    d, r = 10, 2
    loc, factor, scale = numbers(d), numbers(d, r, scale=size), np.full(d, 1e-3, np.float32)
    q = MultivariateNormalLowRank(*map(tf.constant, (loc, scale, factor)))
    spread = np.float64(scale)[:, None] * factor
    law = stats.multivariate_normal(np.float64(loc), np.diag(np.float64(scale) ** 2) + spread @ spread.T)
    near = law.rvs(50, np.random.default_rng(1))
    z = np.concatenate([near, near + numbers(50, d, scale=0.01, seed=2)]).astype(np.float32)
    assert_close(q.log_prob(z), law.logpdf(np.float64(z)), 1e-3)
    assert_close(q.entropy(), law.entropy())
    for prior in ("standard", "diag", "tril"):
        p, p_moments = normal_prior(prior, d)
        assert_close(kl_divergence(q, p, None, None)[0], normal_kl(law.mean, law.cov, *p_moments))


@pytest.mark.parametrize("name", FAMILIES)
def test_density_of_every_point_under_every_component(name):
    d, make = 3, registry.build("normal", name)
    params, z = numbers(4, make.params_size(d)), numbers(11, d, scale=2, seed=1)
    each = [make(tf.constant(row), d).log_prob(z) for row in params]
    assert_close(pairwise_log_prob(make(tf.constant(params), d), tf.constant(z)), np.stack(each, axis=-1))


RANK_4 = {
    "posterior": "low_rank(rank=4)",
    "prior": "mixture(components=2, normal='low_rank(rank=4)')",
    "likelihood": "low_rank_normal(rank=4)",
}


@pytest.mark.parametrize(("kind", "spec"), RANK_4.items())
def test_a_rank_over_the_number_of_dimensions_is_refused(kind, spec):
    with pytest.raises(ValueError, match="rank of at most 3, the number of dimensions, got 4"):
        registry.build(kind, spec, event_shape=(3,))
    registry.build(kind, spec, event_shape=(4,))


@pytest.mark.parametrize("d", [1, 2, 7])
def test_strictly_lower_places_values_and_gradients_row_by_row(d):
    values = tf.constant(numbers(3, d * (d - 1) // 2))
    upstream = numbers(3, d, d, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(values)
        lower = strictly_lower(values, d)
        total = tf.reduce_sum(lower * upstream)
    expected = np.zeros((3, d, d))
    expected[:, *np.tril_indices(d, -1)] = values
    np.testing.assert_array_equal(lower, expected)
    np.testing.assert_array_equal(tape.gradient(total, values), upstream[:, *np.tril_indices(d, -1)])


@pytest.mark.parametrize("name", ["tril", "std_corr"])
def test_kl_of_triangular_normals_agrees_with_tfps(name):
    q, _ = family(name, 5, batch=(3,))
    prior = tfd.MultivariateNormalDiag(numbers(5), np.exp(numbers(5, seed=2)))
    plain = tfd.MultivariateNormalTriL(q.mean(), q.scale.to_dense())
    general = tfd.MultivariateNormalLinearOperator(
        prior.loc, tf.linalg.LinearOperatorLowerTriangular(tf.linalg.diag(prior.stddev()))
    )
    assert_close(kl_divergence(q, prior, None, None)[..., 0], tfd.kl_divergence(plain, general))
