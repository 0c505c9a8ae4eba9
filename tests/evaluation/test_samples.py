"""Samples of different latent densities beside data, and the advice that is drawn from them."""

from dataclasses import replace

import numpy as np
import pytest

import zoo
from training.data import Dataset, load_dataset
from training.evaluation.estimate import Estimate
from training.evaluation.samples import MIN_EXAMPLES, SampleQuality, compare, samples, verdict

N = 80


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def vae(digits):
    """An untrained model with a sampler."""
    vae = zoo.build("diag_vae", digits.event_shape, digits.support, latent=2, network="mlp(hidden=(16,))")
    vae.add_sampler("aggregated", digits.seen()[:100], progress=False)
    return vae


@pytest.fixture(scope="module")
def compared(vae, digits):
    return compare(vae, digits, ["prior", "aggregated"], N, sets=2, seed=3, progress=False)


def test_rows_and_sizes(compared):
    assert list(compared.qualities) == ["training data", "reconstructions", "prior", "aggregated"]
    assert (compared.examples, compared.sets, compared.classifier) == (N, 2, "labels")
    assert 0.8 < compared.accuracy <= 1
    assert compared.verdict == verdict(compared.qualities, 2, 2)


def test_training_data_are_better_than_an_untrained_model(compared):
    data, *others = compared.qualities.values()
    for bad in others:  # their standard errors are under 1 and 0.1
        assert data.frechet_distance.value < bad.frechet_distance.value - 5
        assert data.precision.value > bad.precision.value + 0.2


def test_sets_differ(compared):
    for quality in compared.qualities.values():
        assert quality.frechet_distance.standard_error > 0


def test_one_seed_gives_one_comparison_of_sets_no_larger_than_the_data():
    x = np.random.default_rng(0).normal(size=(90, 5))
    dataset = Dataset("made", "real", x, x[: MIN_EXAMPLES - 8], x[-8:])
    vae = zoo.build("diag_vae", 5, "real", latent=2, network="mlp(hidden=(4,))")
    found, again = (compare(vae, dataset, ["prior"], N, sets=2, seed=1, progress=False) for _ in range(2))
    assert found == again
    assert (found.examples, found.sets, found.training_sets) == (MIN_EXAMPLES, 2, 1)  # of 90, no two sets share none
    assert found.qualities["training data"].frechet_distance.standard_error is None
    assert str(found.qualities["training data"].frechet_distance).isascii()  # no ±
    assert found.qualities["prior"].frechet_distance.standard_error > 0
    assert list(found.qualities) == ["training data", "reconstructions", "prior"]
    assert "k-means" in found.classifier
    assert "not compared" in found.verdict


@pytest.mark.parametrize("scarce", ["held out", "training", "asked for"])
def test_of_too_few_examples_nothing_is_said(vae, digits, scarce):
    if scarce == "held out":
        digits = replace(digits, validation=digits.validation[:9], test=digits.test[:10], labels=None)
    if scarce == "training":
        digits = replace(digits, train=digits.train[: MIN_EXAMPLES - 1], train_labels=None)
    assert compare(vae, digits, ["prior"], MIN_EXAMPLES - 1 if scarce == "asked for" else N, progress=False) is None


# samples


@pytest.mark.parametrize("sampler", ["prior", "aggregated"])
def test_samples_of_binary_data_are_zeros_and_ones(vae, sampler):
    x = samples(vae, 1_500, sampler, [0, 1])  # over 1,000, which are decoded at once
    assert x.shape == (1_500, 8, 8, 1)
    assert set(np.unique(x)) == {0, 1}
    z = vae.latent_distribution(sampler).sample(1_500, seed=[0, 1])
    probability = vae.decode(z).mean().numpy()
    # Draws with those probabilities, to 5 standard errors of 96,000 of them.
    error = np.sqrt(np.mean(probability * (1 - probability)) / x.size)
    assert abs(x.mean() - probability.mean()) < 5 * error
    assert np.corrcoef(x.ravel(), probability.ravel())[0, 1] > 5 / np.sqrt(x.size)
    # The second thousand has noise of its own: they agree as often as by chance.
    one, other = probability[:500], probability[1_000:]
    by_chance = np.mean(one * other + (1 - one) * (1 - other))
    assert abs(np.mean(x[:500] == x[1_000:]) - by_chance) < 5 * 0.5 / np.sqrt(one.size)


def test_samples_of_other_data_are_means(digits):
    vae = zoo.build("diag_vae", digits.event_shape, "unit", latent=2, network="mlp(hidden=(16,))")
    x = samples(vae, 30, "prior", [0, 1])
    z = vae.latent_distribution("prior").sample(30, seed=[0, 1])
    np.testing.assert_allclose(x, vae.decode(z).mean(), rtol=1e-6)
    assert len(np.unique(x)) > 1_000


def test_samples_are_functions_of_the_seed(vae):
    one, again, other = (samples(vae, 20, "prior", [0, seed]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other)


# the verdict


def qualities(prior, aggregated, error, train=1.25):
    """Made-up ones, with those Fréchet distances."""
    row = {"training data": (0.9, 0.8, train), "prior": (0.31, 0.42, prior), "aggregated": (0.63, 0.54, aggregated)}
    return {
        name: SampleQuality(
            Estimate(precision, 0.0), Estimate(recall, 0.0), Estimate(distance, error), Estimate(1.0, 0.1)
        )
        for name, (precision, recall, distance) in row.items()
    }


PRIOR, AGGREGATED = "Sampling the prior is safe", "Use the aggregated posterior"
EITHER = "These samples do not decide between prior and aggregated posterior"
DIFFER = "Training and held-out data differ"


@pytest.mark.parametrize(
    ("prior", "aggregated", "error", "advice"),
    [
        (9, 3, 0.1, AGGREGATED),
        (3, 9, 0.1, PRIOR),
        (9, 8.59, 0.1, AGGREGATED),  # of 3 sets, 97.5 % of the differences are under 2.776 √2 0.1 = 0.39
        (9, 8.61, 0.1, EITHER),
        (9, 9, 0.01, PRIOR),  # the difference is under 0.04, and so under a quarter of 1.25
        (9, 9, 0.1, EITHER),
        (9, 3, 3.0, EITHER),
        (2, 2, 0.01, PRIOR),
    ],
)
def test_advice_is_given_where_the_sets_tell(prior, aggregated, error, advice):
    sentence = verdict(qualities(prior, aggregated, error), 3, 3)
    assert sentence.startswith(f"{advice}: ")
    assert f"{prior:.2f} ± {error:.2f} for samples of the prior" in sentence
    assert f"{aggregated:.2f} ± {error:.2f} for samples of the aggregated posterior" in sentence
    assert f"1.25 ± {error:.2f} for training data" in sentence
    assert "precision 0.31 against 0.63, recall 0.42 against 0.54." in sentence
    assert ("Neither is close to the data" in sentence) == (min(prior, aggregated) > 2.5)


@pytest.mark.parametrize(
    ("prior", "aggregated", "training_sets", "advice"),
    [
        (15, 27, 3, DIFFER),
        (27, 15, 3, DIFFER),
        (33.7, 34.1, 3, DIFFER),
        (33.9, 33.9, 3, PRIOR),  # 0.2 nearer, and 97.5 % are under 2.776 √2 0.1 = 0.39
        (33.3, 34.1, 1, PRIOR),  # 0.8 nearer: the single set varies by √3 0.1, so under 4.303 × 0.2 = 0.86
        (33.1, 34.1, 1, DIFFER),
        (40, 35, 3, AGGREGATED),
    ],
)
def test_samples_nearer_to_held_out_data_than_training_data_are_said_to_be(prior, aggregated, training_sets, advice):
    made = qualities(prior, aggregated, 0.1, train=34.1)
    if training_sets == 1:
        made["training data"] = replace(made["training data"], frechet_distance=Estimate(34.1, None))
    sentence = verdict(made, 3, training_sets)
    assert sentence.startswith(advice)
    assert ("34.10 for training data" if training_sets == 1 else "34.10 ± 0.10 for training data") in sentence
