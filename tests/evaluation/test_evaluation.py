"""The scores of models of all kinds, computed in Python."""

import json

import numpy as np
import pytest
from scipy import stats

import zoo
from tests.models.open_vae import open_vae
from tests.shared.reference import normal_params
from tests.shared.strict_json import strict_json
from training.data import Dataset
from training.evaluation.evaluation import choose, evaluate
from training.evaluation.information import gains
from training.evaluation.scores import Evaluation
from training.evaluation.settings import Settings
from training.evaluation.typed_json import from_json, to_json

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("model", "posterior", "has"),
    [("dirichlet_vae", "dirichlet", ["aggregated"]), ("iaf_vae", "iaf(hidden=8)", ["aggregated", "gmm"])],
)
@pytest.mark.parametrize("latent", [2, 3])
def test_models_of_other_posteriors(model, posterior, has, latent):
    x = np.random.default_rng(0).normal(size=(40, 5))
    dataset = Dataset("made", "real", x, x[:15], x[15:30])
    vae = zoo.build(model, 5, "real", latent=latent, posterior=posterior, network="mlp(hidden=(8,))")
    scores = evaluate(vae, dataset, Settings(samples=12, draws=50, generated=0))
    as_json = to_json(scores)
    assert strict_json(json.dumps(as_json)) == as_json == to_json(from_json(Evaluation, as_json))
    assert list(vae.samplers.fitted) == has
    assert (scores.information is None) == ("unavailable" in as_json["information"]) == (model == "iaf_vae")
    assert scores.samples is None
    assert as_json["samples"] == {}
    assert scores.likelihood.examples == as_json["examples"] == 15


def test_one_sampler_only_and_dead_components():
    x = np.random.default_rng(0).normal(size=(40, 5))
    vae = zoo.build("mixture_vae", 5, "real", latent=2, network="mlp(hidden=(8,))")
    kernel, bias = vae.posterior.params.get_weights()  # the last three of each are those of log π(x)
    vae.posterior.params.set_weights([kernel * ([1] * 12 + [9] * 3), bias + np.array([0] * 14 + [-99])])
    settings = Settings(samples=3, draws=20, generated=0, samplers=("gmm(components=3)",))
    scores = evaluate(vae, Dataset("made", "real", x, x[:15], x[15:30]), settings)
    assert list(vae.samplers.fitted) == ["gmm"]
    assert vae.samplers.fitted["gmm"].components == 3
    pi = vae.encode(np.float32(x[15:30])).mixture_distribution.probs_parameter().numpy()
    entropies, found = stats.entropy(pi, axis=1), scores.posterior.weights
    assert found.entropy == pytest.approx((entropies.mean(), stats.sem(entropies)), rel=1e-5)
    assert found.entropy_of_mean == pytest.approx(stats.entropy(pi.mean(axis=0)), rel=1e-5)
    assert entropies.mean() < found.entropy_of_mean - 0.01 < np.log(2)
    assert found.effective_components == pytest.approx(np.exp(found.entropy_of_mean))
    assert 1 < found.effective_components < 2.01  # of three
    assert found.log_components == pytest.approx(np.log(3))


def test_scores_of_sorted_test_examples_are_those_of_all_classes(monkeypatch):
    rng, apart = np.random.default_rng(0), np.array([[1, 0], [0.95, 0.2]])
    params = [
        [normal_params("tril", mean + rng.normal(size=2), root @ root.T) for _ in range(100)]
        for mean, root in ((0, np.eye(2)), (4, apart))
    ]
    x = np.float32(np.concatenate(params))
    vae, settings = (
        open_vae("tril", latent=2),
        Settings(samples=2, draws=20, generated=0, samplers=("gmm(components=1)",)),
    )
    monkeypatch.setattr("training.evaluation.evaluation.MAX_COVARIANCES", 80)
    monkeypatch.setattr("training.evaluation.evaluation.MAX_CODES", 80)
    scores = evaluate(vae, Dataset("made", "real", x, x, x), settings)
    gain, of_all = scores.gain_as_prior["gmm"], gains(vae, x, ["gmm"])["gmm"]
    assert abs(gain.value - of_all.value) < 4 * gain.standard_error
    assert scores.posterior.posteriors == 80
    # Half of them are correlated by 0.98: four standard errors of a half, of 80.
    assert abs(scores.posterior.mean_absolute_correlation - 0.979 / 2) < 4 * 0.5 / np.sqrt(80)


def test_chosen_examples_are_those_of_the_seed_in_their_order():
    x = np.arange(50)
    chosen = choose(1, x, 20)
    assert len(set(chosen)) == 20
    assert np.all(np.diff(chosen) > 0)
    np.testing.assert_array_equal(choose(1, x + 100, 20), chosen + 100)
    assert not np.array_equal(choose(2, x, 20), chosen)
    np.testing.assert_array_equal(choose(1, x, 99), x)
