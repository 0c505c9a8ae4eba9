"""The whole way, by the commands: train, evaluate, export, TensorFlow's C++ loader, a server's answers, the client."""

import csv
import json

import numpy as np
import pytest

import zoo
from export import __main__ as export_command
from export.client import __main__ as client_command
from tests.servers.served_exports import Loaded
from tests.servers.stand_in_server import StandInServer
from training import evaluate, train
from training.data import load_dataset

SMALL = "--data digits --epochs 2 --warmup 1 --latent 3 --network mlp(hidden=(16,)) --generated 60 --samples 20"


def test_from_training_to_the_answers_of_a_server(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    train.main(["--model", "tril_vae", *SMALL.split(), "--test-examples", "40", "--out", "run"])
    trained = json.loads((tmp_path / "run/scores.json").read_text())
    assert "report: run/report.html" in capsys.readouterr().out
    evaluate.main(["--run", "run", "--samples", "30", "--generated", "0"])
    scores = json.loads((tmp_path / "run/scores.json").read_text())
    assert (scores["importance_samples"], scores["examples"], trained["examples"]) == (30, 200, 40)

    export_command.main(["--run", "run", "--out", "served", "--name", "digits", "--samples", "30", "--components", "9"])
    x = load_dataset("digits", "dynamic").test[:]
    np.save("test.npy", x)
    version = tmp_path / "served/digits/1"
    with Loaded(version) as model, StandInServer({"digits": model}) as server:
        words = ["score", "test.npy", "--model", "digits", "--address", server.rest, "--out", "scores.csv"]
        client_command.main(words)
    with open("scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(x)
    served = np.array([float(row["elbo"]) for row in rows])
    # Of 30 draws each, on both sides: five standard errors of the difference, image by image.
    expected = zoo.load(tmp_path / "run").score(x, 30, seed=5).elbo
    error = np.std(served - expected, ddof=1) / np.sqrt(len(x))
    assert served.mean() == pytest.approx(expected.mean(), abs=5 * error)
    assert served.mean() == pytest.approx(scores["elbo"], abs=5 * error)
