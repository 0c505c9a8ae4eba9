"""`python -m training.evaluate`: a trained run's scores, report and samplers anew, and nothing else."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from scipy import stats

import zoo
from tests.models.open_vae import open_vae
from tests.shared.reference import normal_params
from training import run_folder as run
from training.data import Dataset, load_dataset
from training.evaluate import main
from training.evaluation.evaluation import choose, evaluate
from training.evaluation.information import gains
from training.evaluation.scores import Evaluation, RunScores
from training.evaluation.settings import Settings
from training.evaluation.typed_json import from_json, to_json
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


def strict(text):
    """What JSON says, without the NaN and Infinity that are Python's own."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON."))


def scores_of(folder):
    return strict((folder / run.SCORES).read_text())


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_seconds(scores):
    return {name: value for name, value in scores.items() if name != "evaluation_seconds"}


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


# other models


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
    assert strict(json.dumps(as_json)) == as_json == to_json(from_json(Evaluation, as_json))
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
    assert found.used == pytest.approx(np.exp(found.entropy_of_mean))
    assert 1 < found.used < 2.01  # of three
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
