"""`python -m training.evaluate`: a trained run's scores, report and samplers anew, and nothing else."""

import csv
import json
import re
import shutil

import numpy as np
import pytest

import zoo
from tests.shared.strict_json import strict_json
from training import run_folder as run
from training.data import load_dataset
from training.evaluate import main
from training.evaluation.evaluation import choose
from training.evaluation.scores import RunScores
from training.train import main as train

pytestmark = pytest.mark.slow

SECTIONS = {"model", "data", "epochs", "training_seconds", "evaluation_seconds", "versions", "information", "posterior"}
SECTIONS |= {"samples", "effective_sample_size", "log_likelihood_by_samples", "bits_per_dimension", "unit", "warning"}
FEW = ["--samples", "30", "--test-examples", "20", "--draws", "200", "--generated", "70", "--sets", "2"]


@pytest.fixture
def without_pictures(monkeypatch):
    """No report is drawn: that of `evaluated` is enough."""
    monkeypatch.setattr("training.report.results.report", lambda *args: "a page")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished small run."""
    out = tmp_path_factory.mktemp("runs") / "tril_vae-digits"
    words = ["--epochs", "2", "--warmup", "1", "--latent", "3", "--network", "mlp(hidden=(16,))", "--no-aggregated"]
    words += ["--no-jit", "--samples", "12", "--test-examples", "20", "--generated", "0"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("training.report.results.report", lambda *args: "the page that training wrote")
        train(["--model", "tril_vae", "--out", str(out), *words])
    return out


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of the run."""
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture(scope="module")
def evaluated(trained, tmp_path_factory):
    """A copy that was evaluated, as one that is trained to keep its aggregated posterior."""
    folder = shutil.copytree(trained, tmp_path_factory.mktemp("evaluated") / "run")
    keep(folder)
    main(["--run", str(folder), *FEW])
    return folder


def keep(folder):
    """Makes a run one whose aggregated posterior is to be saved."""
    path = folder / run.CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | {"aggregated": True}))


def scores_of(folder):
    return strict_json((folder / run.SCORES).read_text())


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_seconds(scores):
    return {name: value for name, value in scores.items() if name != "evaluation_seconds"}


def test_a_slow_estimate_has_a_block_of_its_own(folder, without_pictures):
    method = ["--method", "ais(temperatures=20, chains=2)", "--examples", "3", "--bdmc", "2"]
    main(["--run", str(folder), *FEW, *method])
    block = scores_of(folder)["annealed"]
    assert (block["method"], block["examples"], block["bdmc"]["examples"]) == (method[1], 3, 2)
    assert abs(block["gain"]) < 20
    assert RunScores.read(folder / run.SCORES).evaluation.annealed.log_likelihood.value == block["log_likelihood"]
    main(["--run", str(folder), *FEW])
    assert "annealed" not in scores_of(folder)


def test_scores_have_every_section(evaluated):
    scores = scores_of(evaluated)
    assert set(scores) >= SECTIONS
    assert (scores["importance_samples"], scores["examples"]) == (30, 20)
    assert (scores["information"]["draws"], scores["information"]["encodings"]) == (200, 1397)
    assert scores["information"]["log_encodings"] == pytest.approx(np.log(1397))
    assert scores["information"]["active"] == sum(v > 0.01 for v in scores["information"]["variance_of_means"])
    assert scores["posterior"]["posteriors"] == 20
    assert (scores["samples"]["examples"], scores["samples"]["sets"]) == (70, 2)
    assert list(scores["samples"]["qualities"]) == ["training data", "reconstructions", "prior", "aggregated", "gmm"]


def test_scores_are_read_as_they_were_written(trained, evaluated, tmp_path):
    for folder in (trained, evaluated):
        read = RunScores.read(folder / run.SCORES)
        read.write(tmp_path / run.SCORES)
        assert (tmp_path / run.SCORES).read_bytes() == (folder / run.SCORES).read_bytes()
    expected = scores_of(evaluated)
    likelihood, information = read.evaluation.likelihood, read.evaluation.information
    assert likelihood.elbo == (expected["elbo"], expected["elbo_standard_error"])
    assert information.active == expected["information"]["active"]
    np.testing.assert_array_equal(information.variance_of_means, expected["information"]["variance_of_means"])
    assert read.evaluation.samples.verdict == expected["samples"]["verdict"]


def test_what_training_wrote_stays(trained, evaluated):
    before, after = contents(trained), contents(evaluated)
    changed = {path.name for path in before if before[path] != after[path]}
    assert set(before) == set(after)
    assert changed == {run.MODEL, run.WEIGHTS, run.SCORES, run.REPORT, run.CONFIG}  # the config is `keep`'s doing
    old, new = scores_of(trained), scores_of(evaluated)
    for name in ("model", "data", "epochs", "training_seconds"):
        assert old[name] == new[name]
    assert old["samples"] == {} != new["samples"]


def test_the_model_has_the_samplers_and_draws_from_them(trained, evaluated):
    vae, before = zoo.load(evaluated), zoo.load(trained)
    assert set(vae.samplers.fitted) == {"aggregated", "gmm"}
    for name in ("aggregated", "gmm"):
        assert vae.generate(4, seed=0, sampler=name).shape == (4, 8, 8, 1)
    x = choose(0, load_dataset("digits").test, 20)
    likelihood = vae.log_likelihood(x, 30)
    np.testing.assert_array_equal(likelihood, before.log_likelihood(x, 30))  # the same model
    assert scores_of(evaluated)["log_likelihood"] == pytest.approx(likelihood.mean(dtype=np.float64), abs=1e-4)


def test_the_report_tells_the_new_scores(evaluated):
    page, scores = (evaluated / run.REPORT).read_text(encoding="utf-8"), scores_of(evaluated)
    assert f"{scores['log_likelihood']:.2f}" in page
    assert scores["samples"]["verdict"] in page
    with (evaluated / run.HISTORY).open(newline="") as file:
        assert len(list(csv.DictReader(file))) == scores["epochs"] == 2


@pytest.mark.usefixtures("without_pictures")
def test_the_same_command_gives_the_same_numbers_and_says_them(evaluated, tmp_path, capsys):
    folder, before = shutil.copytree(evaluated, tmp_path / "run"), scores_of(evaluated)
    (folder / run.SCORES).write_text(json.dumps({**before, "elbo": 0.0}))  # so that what is there is new
    main(["--run", str(folder), *FEW])
    assert without_seconds(scores_of(folder)) == without_seconds(before)
    said = capsys.readouterr().out
    assert f"test ELBO {before['elbo']:.2f}, log-likelihood {before['log_likelihood']:.2f}" in said
    assert before["samples"]["verdict"] in said
    assert str(folder / run.REPORT) in said


@pytest.mark.usefixtures("without_pictures")
def test_an_aggregated_posterior_that_was_not_to_be_saved_is_not(trained, folder):
    assert list(zoo.load(trained).samplers.fitted) == ["gmm"]
    main(["--run", str(folder), *FEW, "--generated", "0", "--samplers", "aggregated", "gmm(components=3)"])
    assert scores_of(folder)["samples"] == {}
    samplers = zoo.load(folder).samplers.fitted
    assert list(samplers) == ["gmm"]
    assert samplers["gmm"].components == 3


# wrong input


@pytest.fixture
def refusal(folder, capsys):
    """A function of the command's words: the sentence that it ends with."""

    def refuse(*words):
        before = contents(folder.parent)
        with pytest.raises(SystemExit) as end:
            main(list(words))
        assert contents(folder.parent) == before
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        if end.value.code == 2:  # tyro's
            return " ".join(captured.err.split())
        assert end.value.code.startswith("error: ")  # a text, which Python prints, with status 1
        assert "\n" not in end.value.code
        return end.value.code

    return refuse


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--samples", "0"], "samples .* 1 or more, got 0"),
        (["--draws", "0"], "draws .* 2 or more, got 0"),
        (["--draws", "1"], "draws .* 2 or more, got 1"),
        (["--sets", "1"], "sets .* 2 or more, got 1"),
        (["--generated", "-1"], "generated .* 0 or more, got -1"),
        (["--test-examples", "1"], "test_examples .* 2 or more, got 1"),
        (["--seed", "-1"], "seed .*got -1"),
        (["--seed", str(2**31)], f"seed .*got {2**31}"),
        (["--samplers", "nope"], "'nope'.*aggregated, compressed, gmm"),
        (["--samplers", "gmm(foo=1)"], "'foo'.*components"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_its_value(refusal, folder, words, expected):
    assert re.search(expected, refusal("--run", str(folder), *words))


def test_a_run_must_be_named(refusal):
    assert "--run" in refusal()
    assert "RUN=" in refusal(*FEW)


def test_a_folder_that_is_none_or_no_run_is_refused(refusal, folder):
    assert "nowhere'" in refusal("--run", str(folder / "nowhere"))
    (folder.parent / "other").mkdir()
    (folder.parent / "other" / "config.json").write_text('{"name": "another project"}')
    assert "does not contain a training run" in refusal("--run", str(folder.parent / "other"))


@pytest.mark.parametrize("missing", [run.SCORES, run.HISTORY, run.MODEL, run.WEIGHTS])
def test_an_unfinished_run_is_refused(refusal, folder, missing):
    (folder / missing).unlink()
    message = refusal("--run", str(folder))
    assert missing in message
    assert "rain" in message  # what to do


@pytest.mark.parametrize(
    ("name", "text"),
    [(run.SCORES, "{"), (run.SCORES, "[]"), (run.HISTORY, ""), (run.CONFIG, "{"), (run.MODEL, "{"), (run.WEIGHTS, "")],
)
def test_a_damaged_run_is_refused(refusal, folder, name, text):
    (folder / name).write_text(text)
    assert f"'{folder}" in refusal("--run", str(folder))
