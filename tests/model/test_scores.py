"""Scores of given log weights against numpy, and what `training.evaluation.likelihood` says of them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

import zoo
from tests.models.linear_gaussian import exact, linear_vae, model
from tests.shared.reference import assert_mean
from training.evaluation.estimate import Estimate
from training.evaluation.likelihood import likelihood
from training.evaluation.samples import SampleQuality
from training.evaluation.typed_json import to_json
from zoo.model import scores as module
from zoo.model.scores import Scores, curve_samples, estimate, merge_scores
from zoo.objectives import Terms
from zoo.posteriors import DiagNormalPosterior, TriLNormalPosterior


def terms(log_weights, rng=None):
    """Terms with those log weights [K, B], however they are made up."""
    log_pz, log_qz = np.random.default_rng(0).normal(size=(2, *log_weights.shape))
    log_px, kl = log_weights - log_pz + log_qz, np.abs(log_weights[:2].T)
    return Terms(*map(tf.constant, (log_px, log_pz, log_qz, kl)), z=None, batch_statistic=None)


def weights(samples, scale=2.0, offset=0.0, examples=3):
    return offset + np.random.default_rng(1).normal(0, scale, size=(samples, examples))


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (1, [1]),
        (2, [1, 2]),
        (10, [1, 10]),
        (11, [1, 10, 11]),
        (1000, [1, 10, 100, 1000]),
        (4999, [1, 10, 100, 1000, 4999]),
        (5000, [1, 10, 100, 1000, 5000]),
        (20_000, [1, 10, 100, 1000, 5000, 20_000]),
    ],
)
def test_points_of_the_curve(samples, expected):
    assert curve_samples(samples) == expected


@pytest.mark.parametrize("samples", [1, 2, 10, 27, 105, 1234])
@pytest.mark.parametrize("offset", [0.0, -3000.0])
def test_curve_is_the_mean_over_groups_and_the_rest_is_left_out(samples, offset):
    log_weights = weights(samples, offset=offset)
    found = estimate(terms(log_weights)).curve.numpy()
    assert found.shape == (3, len(curve_samples(samples)))
    for k, values in zip(curve_samples(samples), found.T, strict=True):
        groups = [log_weights[i * k : (i + 1) * k] for i in range(samples // k)]
        expected = np.mean([special.logsumexp(group, axis=0) - np.log(k) for group in groups], axis=0)
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_the_other_scores():
    log_weights = weights(50)
    given = terms(log_weights)
    found = estimate(given)
    np.testing.assert_array_equal(found.log_likelihood, found.curve[:, -1])
    np.testing.assert_allclose(found.log_likelihood, np.log(np.exp(log_weights).mean(axis=0)))
    np.testing.assert_allclose(found.reconstruction, -given.log_px.numpy().mean(axis=0))
    np.testing.assert_allclose(found.kl, given.kl.numpy().sum(axis=1))
    np.testing.assert_allclose(found.elbo, -found.reconstruction - found.kl)


@pytest.mark.parametrize("offset", [0.0, -2000.0, 2000.0])
@pytest.mark.parametrize("samples", [1, 7, 1000])
def test_effective_sample_size(samples, offset):
    log_weights = weights(samples, offset=offset)
    w = special.softmax(log_weights, axis=0)
    expected = w.sum(axis=0) ** 2 / (w**2).sum(axis=0)
    np.testing.assert_allclose(estimate(terms(log_weights)).effective_sample_size, expected, rtol=1e-9)


def test_equal_weights_are_all_effective_and_a_single_large_one_alone():
    log_weights = np.full((40, 2), -90.0)
    log_weights[3, 1] += 100
    np.testing.assert_allclose(estimate(terms(log_weights)).effective_sample_size, [40, 1], rtol=1e-9)


def test_the_curve_rises_to_the_logarithm_of_the_mean_weight():
    # Of log-normal weights with mean one: log w has the mean −σ²/2, and the curve ends below 0.
    log_weights = weights(1000, scale=1.0, offset=-0.5, examples=400)
    curve = estimate(terms(log_weights)).curve.numpy()
    assert_mean(curve[:, 0], -0.5)
    rises = np.diff(curve, axis=1)
    assert np.all(rises.mean(axis=0) > 5 * rises.std(axis=0) / np.sqrt(400))
    # −Var(w) / 2K and terms of 1/K², with standard errors of √(Var(w) / 1000 · 400) (Nowozin, 2018).
    variance = np.expm1(1)
    assert curve[:, 2].mean() == pytest.approx(-variance / 200, abs=0.005)
    assert curve[:, 3].mean() == pytest.approx(-variance / 2000, abs=5 * np.sqrt(variance / 400_000))


# on a model whose log p(x) is known


def test_with_the_exact_posterior_the_curve_is_flat(monkeypatch):
    monkeypatch.setattr(module, "CURVE_SAMPLES", (1, 3, 10))
    vae, truth = exact(linear_vae(TriLNormalPosterior, "float64")), model()
    x = truth.sample(15, np.random.default_rng(1))
    found = vae.score(x, samples=25)
    assert found.curve.shape == (15, 4)
    np.testing.assert_allclose(found.curve, np.tile(truth.log_density(x)[:, None], 4), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.effective_sample_size, 25, rtol=1e-9)


@pytest.fixture(scope="module")
def told():
    """What is said of a model with the exact posterior, of one with another one, and log p(x)."""
    keras.utils.set_random_seed(1)  # the weights of a layer that is made by itself
    truth = model()
    x = truth.sample(40, np.random.default_rng(1))
    good, bad = exact(linear_vae(TriLNormalPosterior, "float64")), linear_vae(DiagNormalPosterior, "float64")
    return (
        to_json(likelihood(good, x, 200)),
        to_json(likelihood(bad, x, 200)),
        truth.log_density(x),
        bad.score(x, 200),
        x,
    )


def test_means_and_standard_errors_over_examples(told):
    good, bad, log_p, scores, _ = told
    assert good["log_likelihood"] == pytest.approx(log_p.mean(), abs=1e-9)
    assert good["log_likelihood_standard_error"] == pytest.approx(log_p.std(ddof=1) / np.sqrt(40))
    for name in ("elbo", "log_likelihood", "reconstruction", "kl"):
        values = getattr(scores, name)
        assert bad[name] == pytest.approx(values.mean())
        assert bad[f"{name}_standard_error"] == pytest.approx(values.std(ddof=1) / np.sqrt(40))
    assert (good["importance_samples"], good["examples"], good["unit"]) == (200, 40, "nats per example")


def test_curve_and_effective_sample_size_of_all_examples(told):
    good, bad, log_p, scores, _ = told
    assert list(good["log_likelihood_by_samples"]) == ["1", "10", "100", "200"]
    assert list(good["log_likelihood_by_samples"].values()) == pytest.approx([log_p.mean()] * 4, abs=1e-9)
    assert list(bad["log_likelihood_by_samples"].values()) == pytest.approx(scores.curve.mean(axis=0))
    assert bad["log_likelihood_by_samples"]["200"] == bad["log_likelihood"]
    assert good["effective_sample_size"] == pytest.approx({"median": 200, "minimum": 200, "low_share": 0})
    effective = scores.effective_sample_size
    expected = {"median": np.median(effective), "minimum": effective.min(), "low_share": np.mean(effective < 10)}
    assert bad["effective_sample_size"] == pytest.approx(expected)


def test_bits_per_dimension(told):
    good, _, log_p, _, x = told
    assert good["bits_per_dimension"] == pytest.approx(-np.mean(log_p) / np.log(2) / x.shape[1])


def test_low_effective_sample_sizes_are_warned_of_with_their_share(told):
    good, bad, *_ = told
    assert good["warning"] is None
    assert good["rise_of_last_tenfold"]["value"] == pytest.approx(0, abs=1e-9)
    assert good["missed_by_posterior"]["value"] < 0.03  # 3 errors of 20 × 1,000 draws of the prior
    assert bad["effective_sample_size"]["low_share"] > 0.5
    assert bad["rise_of_last_tenfold"]["value"] > 0.05
    few = f"{bad['effective_sample_size']['low_share']:.0%} of the test examples"
    for words in (
        few,
        "more than 200 importance samples",
        f"still rises, by {bad['rise_of_last_tenfold']['value']:.2f} ±",
    ):
        assert words in bad["warning"]


def test_it_is_strict_json(told):
    assert json.loads(json.dumps(told[:2], allow_nan=False)) == list(told[:2])


def test_a_single_example_has_no_standard_error():
    with pytest.raises(ValueError, match="2 test examples or more, got 1"):
        likelihood(linear_vae(DiagNormalPosterior, "float64"), np.zeros((1, 6)), 5)


# numbers and how far they may be off


def test_standard_error_is_that_of_the_mean():
    values = [1.0, 2.0, 6.0]
    assert Estimate.mean(values) == (3, pytest.approx(np.sqrt((4 + 1 + 9) / 2 / 3)))
    assert str(Estimate.mean(values)) == "3.00 ± 1.53"
    assert Estimate.mean([3.0]) == (3, None)
    assert str(Estimate.mean([3.0])) == "3.00"


def test_single_precision_is_averaged_in_double():
    assert Estimate.mean(np.full(10**6, 0.1, np.float32)).value == pytest.approx(np.float32(0.1), rel=1e-12)


def test_results_become_json():
    quality = SampleQuality(*(Estimate(np.float64(k), 0.5) for k in (1, 2, 3, 4)))
    found = to_json({"a": quality, "b": np.arange(2), "c": np.float32(0.5), "d": None, "e": np.bool_(True)})
    assert found["a"]["precision"] == {"value": 1.0, "standard_error": 0.5}
    assert (found["b"], found["c"], found["d"], found["e"]) == ([0, 1], 0.5, None, True)
    json.dumps(found)


def test_draws_in_parts_give_the_scores_of_all(monkeypatch):
    log_w = np.random.default_rng(0).normal(0, 3, (60, 4))
    whole, *parts = (
        Scores(*(value.numpy() for value in estimate(terms(part)))) for part in (log_w, log_w[:40], log_w[40:])
    )
    found = merge_scores(parts, [40, 20])
    for name in ("log_likelihood", "effective_sample_size"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=1e-5)
    for name in ("elbo", "reconstruction", "kl"):
        first, second = (getattr(part, name) for part in parts)
        np.testing.assert_allclose(getattr(found, name), (2 * first + second) / 3, rtol=1e-5)
    np.testing.assert_array_equal(found.curve[:, :-1], parts[0].curve[:, :2])  # of 1 and 10
    np.testing.assert_array_equal(found.curve[:, -1], found.log_likelihood)

    vae = zoo.build("diag_vae", (5,), "real", latent=2, network="mlp(hidden=(4,))")
    x = np.random.default_rng(1).normal(size=(3, 5))
    monkeypatch.setattr("zoo.model.scores.POINTS_PER_CHUNK", 200)
    scores = vae.score(x, samples=900)
    assert scores.curve.shape == (3, 4)
    monkeypatch.undo()
    np.testing.assert_allclose(scores.log_likelihood, vae.score(x, samples=900).log_likelihood, atol=0.5)
