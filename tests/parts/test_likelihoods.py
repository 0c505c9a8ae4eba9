"""Likelihoods against scipy and numpy in float64, and which data they take."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import zoo
from tests.shared.reference import continuous_bernoulli_log_density
from zoo import registry
from zoo.distributions.positive import positive

EVENT = (3, 2)


def likelihood(spec, bias=None):
    """A likelihood that ignores h: its parameters are the bias, [*EVENT, size]."""
    layer = registry.build("likelihood", spec, event_shape=EVENT)
    layer.build((None, 4))
    kernel, start = layer.params.get_weights()
    layer.params.set_weights([0 * kernel, start if bias is None else np.float32(bias).reshape(-1)])
    return layer


def log_prob(layer, x):
    return layer(tf.zeros([1, 4])).log_prob(np.float32(x))[0].numpy()


@pytest.mark.parametrize(
    ("spec", "is_density"),
    [
        ("bernoulli", False),
        ("discretized_logistic", False),
        ("continuous_bernoulli", True),
        ("normal", True),
        ("low_rank_normal", True),
    ],
)
def test_likelihoods_of_discrete_data_are_no_densities(spec, is_density):
    assert likelihood(spec).is_density == is_density


def test_bernoulli():
    rng = np.random.default_rng(0)
    logits, x = rng.normal(0, 3, EVENT), rng.integers(0, 2, EVENT)
    expected = stats.bernoulli(1 / (1 + np.exp(-logits))).logpmf(x).sum()
    assert log_prob(likelihood("bernoulli", logits), x) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("logit", [-20, -3, -0.3, -0.01, -1e-4, 0, 1e-3, 0.05, 1, 8])
def test_continuous_bernoulli(logit):
    x = np.array([[0, 1], [0.5, 0.25], [0.9, 1 / 16]])
    expected = sum(continuous_bernoulli_log_density(v, logit) for v in x.flat)
    assert log_prob(likelihood("continuous_bernoulli", np.full(EVENT, logit)), x) == pytest.approx(
        expected, rel=1e-4, abs=1e-4
    )


@pytest.mark.parametrize("logit", [-30.0, -1e-3, 0.0, 1e-3, 30.0])
def test_continuous_bernoulli_has_a_gradient_everywhere(logit):
    layer = likelihood("continuous_bernoulli", np.full(EVENT, logit))
    for x in (0.0, 0.5, 1.0):
        with tf.GradientTape() as tape:
            log_px = layer(tf.zeros([1, 4])).log_prob(np.full(EVENT, x, "float32"))
        assert np.isfinite(tape.gradient(log_px, layer.params.bias)).all()


@pytest.mark.parametrize(("scale", "sigma"), [("shared", None), ("predicted", None), (0.3, 0.3)])
def test_normal(scale, sigma):
    rng = np.random.default_rng(0)
    loc, raw, x = rng.normal(size=(3, *EVENT))
    if scale == "predicted":
        layer = likelihood({"name": "normal", "scale": scale}, np.stack([loc, raw], axis=-1))
        sigma = positive(tf.constant(raw), 0.01).numpy()
    else:
        layer = likelihood({"name": "normal", "scale": scale}, loc)
    if scale == "shared":
        layer.raw_scale.assign(0.7)
        sigma = positive(tf.constant(0.7), 0.01).numpy()
    expected = stats.norm(loc, sigma).logpdf(x).sum()
    assert log_prob(layer, x) == pytest.approx(expected, rel=1e-4)


def test_discretized_logistic():
    rng = np.random.default_rng(0)
    raw_loc, raw_scale = rng.normal(0, 0.5, (2, *EVENT))
    x = np.array([[0, 255], [3, 128], [200, 77]])
    loc = 127.5 + 127.5 * raw_loc
    scale = 127.5 / 4 * positive(tf.constant(raw_scale), 0.01).numpy()
    cdf = stats.logistic(loc, scale).cdf
    low, high = np.where(x == 0, 0, cdf(x - 0.5)), np.where(x == 255, 1, cdf(x + 0.5))
    layer = likelihood("discretized_logistic", np.stack([raw_loc, raw_scale], axis=-1))
    assert log_prob(layer, x) == pytest.approx(np.log(high - low).sum(), rel=1e-4)
    levels = np.arange(256.0)
    upper = np.where(levels == 255, 1, stats.logistic(loc[0, 0], scale[0, 0]).cdf(levels + 0.5))
    mean = (levels * np.diff(upper, prepend=0)).sum()
    assert layer(tf.zeros([1, 4])).mean()[0, 0, 0].numpy() == pytest.approx(mean, rel=1e-3)


@pytest.mark.parametrize(
    ("support", "likelihood"),
    [
        ("binary", "BernoulliLikelihood"),
        ("unit", "ContinuousBernoulliLikelihood"),
        ("real", "NormalLikelihood"),
        ("levels", "DiscretizedLogisticLikelihood"),
        ("simplex", "NormalLikelihood"),
    ],
)
def test_the_support_picks_the_likelihood(support, likelihood):
    assert type(zoo.build("diag_vae", (4,), support).likelihood).__name__ == likelihood


def test_a_likelihood_that_does_not_fit_is_refused_with_those_that_do():
    with pytest.raises(
        ValueError,
        match=r"'bernoulli' needs data in {0, 1}.*'continuous_bernoulli' or 'low_rank_normal' or 'normal'.*binarize",
    ):
        zoo.build("diag_vae", (4,), "unit", likelihood="bernoulli")
    with pytest.raises(ValueError, match=r"needs data in the real numbers.*'bernoulli'"):
        zoo.build("diag_vae", (4,), "binary", likelihood="normal(scale=0.1)")


@pytest.mark.parametrize("scale", [0, -1, "wide", True, float("inf")])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match="'shared', 'predicted' or a positive number"):
        zoo.likelihoods.NormalLikelihood((2,), scale=scale)
