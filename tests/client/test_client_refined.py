"""The client's commands on refined posteriors."""

import numpy as np
import pytest

from tests.models.linear_models import FLOAT, LATENT, linear_model, noise
from tests.servers.stand_in_server import Functions, StandInServer
from tests.shared.client_commands import X, fails, table

ROWS = X.reshape(10, 6)


@pytest.fixture(scope="module")
def server():
    x, seed, number = (FLOAT, (None, 6)), (np.int32, (None, 2)), (FLOAT, (None,))
    functions = {
        "encode_refined": ({"x": x, "seed": seed}, {"loc": (FLOAT, (None, LATENT))}, _encode_refined),
        "score_refined": (
            {"x": x, "seed": seed},
            dict.fromkeys(("log_likelihood", "amortization_gap"), number),
            _score,
        ),
    }
    with StandInServer({"plain": linear_model((6,)), "refined": Functions(functions)}) as running:
        yield running


def _encode_refined(x, seed):
    return {"loc": x[:, :LATENT] + noise(seed)}


def _score(x, seed):
    return {"log_likelihood": -x[:, 0], "amortization_gap": noise(seed)[:, 0]}


def test_codes_and_scores_of_refined_posteriors(run):
    np.save("x.npy", ROWS)
    run("encode", "x.npy", "--refined", model="refined", out="codes.csv", seed=3, batch=4)
    seeds = np.array([[3, i] for i in range(10)])
    np.testing.assert_allclose(
        np.array(table("codes.csv")[1:], float)[:, 1:], ROWS[:, :LATENT] + noise(seeds), rtol=1e-5
    )
    run("score", "x.npy", "--refined", model="refined", out="scores.csv", seed=3)
    head, *rows = table("scores.csv")
    assert head == ["row", "log_likelihood", "amortization_gap"]
    np.testing.assert_allclose(np.array(rows, float)[:, 2], noise(seeds)[:, 0], rtol=1e-5)


def test_a_model_without_them_and_two_options_at_once(run):
    np.save("x.npy", ROWS)
    for command in ("encode", "score"):
        said = fails(run, command, "x.npy", "--refined", model="plain", out="found.csv")
        assert f"has no signature '{command}_refined'. Export it with --refine-steps 100" in said
    said = fails(run, "encode", "x.npy", "--refined", "--covariance", model="refined", out="found.npz")
    assert "one of --refined and --covariance, got both" in said
