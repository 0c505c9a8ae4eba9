"""Importance sampling with more samples where they are needed."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.log_likelihood_methods import linear_model
from tests.shared.reference import assert_mean
from zoo.model import scores
from zoo.model.estimation import importance as module
from zoo.model.estimation.importance import Importance

MODEL = SimpleNamespace(event_shape=(1,), support="real")  # all that is asked of it, with made-up scores
SCALE = 2.0  # of log-normal weights of mean one


def made_up(monkeypatch, scale=SCALE):
    """Scores of log-normal weights in place of a model's; returns the calls, (rows, samples, seed)."""
    calls = []

    def score(vae, x, samples, seed, progress):
        calls.append((len(x), samples, seed))
        log_w = np.random.default_rng(seed).normal(-(scale**2) / 2, scale, size=(samples, len(x)))
        log_sum = np.logaddexp.reduce(log_w)
        effective = np.exp(2 * log_sum - np.logaddexp.reduce(2 * log_w))
        rest = np.zeros([4, len(x)])
        return scores.Scores(rest[0], log_sum - np.log(samples), rest[1], rest[2], effective, rest[3])

    monkeypatch.setattr(module.scores, "score", score)
    return calls


def test_without_a_budget_it_is_score():
    model = linear_model(3, 20.0)
    x = model.sample(4)
    found, expected = model.vae.estimate_log_likelihood(x, "importance(samples=200)"), model.vae.score(x, 200)
    np.testing.assert_array_equal(found.log_likelihood, expected.log_likelihood)
    np.testing.assert_array_equal(found.log_likelihood, model.vae.log_likelihood(x, 200))
    np.testing.assert_array_equal(found.effective_sample_size, expected.effective_sample_size)
    np.testing.assert_array_equal(found.samples, 200)


def test_samples_are_doubled_until_enough_are_effective(monkeypatch):
    calls = made_up(monkeypatch)
    found = Importance(samples=20, budget=300).estimate(MODEL, np.zeros([500, 1]))
    assert set(found.samples) == {20, 40, 80, 160, 300}
    rows = {k: np.sum(found.samples == k) for k in (20, 40, 80, 160, 300)}
    deciding, final = calls[:4], calls[4:]
    assert [(n, k) for n, k, _ in deciding] == [
        (500 - sum(n for k, n in rows.items() if k < size), size) for size in (20, 40, 80, 160)
    ]
    assert [(n, k) for n, k, _ in final] == [(n, k) for k, n in rows.items()]
    assert not {seed for *_, seed in deciding} & {seed for *_, seed in final}
    # with 100 samples, the standard deviation of the log-mean is near √(e⁴ / 100)
    assert np.all(found.standard_error > 0)


def test_the_mean_weight_stays_unbiased_although_the_number_adapts(monkeypatch):
    """An estimate from the samples that were enough would be too low, by 8 % here."""
    made_up(monkeypatch)
    count, size = 20_000, 20
    found = Importance(samples=size, budget=640).estimate(MODEL, np.zeros([count, 1]), seed=1)
    assert_mean(np.exp(found.log_likelihood), 1.0)

    rng = np.random.default_rng(2)
    weights, kept, low = np.zeros([0, count]), np.zeros(count), np.ones(count, bool)
    while low.any() and len(weights) < 640:
        more = rng.normal(-(SCALE**2) / 2, SCALE, size=(max(size, len(weights)), count))
        weights = np.concatenate([weights, np.exp(more)])
        kept[low] = weights.mean(axis=0)[low]
        low &= weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0) < 10
    assert kept.mean() < 0.95 < np.exp(found.log_likelihood).mean()


def test_refusals():
    with pytest.raises(ValueError, match="Expected budget= to be at least samples=100, got 99"):
        Importance(samples=100, budget=99)
    with pytest.raises(ValueError, match="effective"):
        Importance(effective=0.5)
    with pytest.raises(ValueError, match="at least one example"):
        Importance(budget=2000).estimate(MODEL, np.zeros([0, 1]))
