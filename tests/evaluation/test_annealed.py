"""The log-likelihood by annealed importance sampling in an evaluation."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from benchmarks.log_likelihood_methods import linear_model
from tests.shared.strict_json import strict_json
from training.evaluate import main
from training.evaluation.annealed import Annealed, annealed
from training.evaluation.settings import Settings
from training.evaluation.typed_json import from_json, to_json

METHOD = "ais(temperatures=60, chains=4)"


@pytest.mark.slow
def test_its_numbers_are_those_of_the_model():
    model = linear_model(3, 50.0)
    x = model.sample(6)
    found = annealed(model.vae, x, Settings(samples=40, method=METHOD, bdmc=5, seed=2))
    scores, importance = model.vae.estimate_log_likelihood(x, METHOD, 2), model.vae.log_likelihood(x, 40, 2)
    assert found.log_likelihood == pytest.approx(
        (scores.log_likelihood.mean(), stats.sem(scores.log_likelihood)), rel=1e-6
    )
    assert found.by_importance == pytest.approx((importance.mean(), stats.sem(importance)), rel=1e-5)
    gain = scores.log_likelihood - importance
    assert found.gain == pytest.approx((gain.mean(), stats.sem(gain)), rel=1e-4)
    assert found.doubling == pytest.approx((scores.doubling.mean(), stats.sem(scores.doubling)), rel=1e-6)
    assert found.chain_error == pytest.approx(np.sqrt(np.mean(scores.standard_error**2) / 6))
    gap = model.vae.bdmc(5, METHOD, 2).gap
    assert found.bdmc.gap == pytest.approx((gap.mean(), stats.sem(gap)), rel=1e-6)
    assert (found.examples, found.bdmc.examples, found.importance_samples) == (6, 5, 40)

    as_json = to_json(found)
    assert strict_json(json.dumps(as_json)) == as_json == to_json(from_json(Annealed, as_json))
    for part in ("6 test examples", "40 importance samples", "doubling the temperatures", "5 generated examples"):
        assert part in str(found)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "importance"], r"Expected --method to be annealed importance sampling, 'ais\(...\)', got"),
        (["--method", "aiz"], r"No log-likelihood method 'aiz'. Known: ais, importance"),
        (["--method", "ais(temperature=3)"], "has no option 'temperature'"),
        (["--bdmc", "3"], "--bdmc 3 needs a --method"),
        (["--method", "ais", "--examples", "1"], "Expected examples to be a whole number, 2 or more, got 1"),
    ],
)
def test_refusals_come_before_anything_is_read(words, message, capsys):
    with pytest.raises(SystemExit) as ending:
        main(["--run", "no-such-run", *words])
    said = " ".join(f"{ending.value.code} {capsys.readouterr().err}".replace("│", " ").split())
    assert re.search(message, said)
