"""The whole way: from data to a trained model and its report."""

import json
import re

import keras
import numpy as np
import pytest

import zoo
from training import run_folder as run
from training.config import Config
from training.data import USER_DATA_OPTIONS, load_dataset
from training.evaluation.evaluation import choose
from training.loop.training import validation_passes
from training.train import main

pytestmark = pytest.mark.slow

SMALL = ["--latent", "3", "--network", "gated_mlp(hidden=(16, 16))", "--samples", "20", "--test-examples", "50"]
SMALL += ["--generated", "100"]
UNSCORED = ["--samples", "1", "--test-examples", "2", "--generated", "0"]  # where only the training is looked at


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished small run."""
    out = tmp_path_factory.mktemp("runs") / "tril_vae-digits"
    main(["--model", "tril_vae", "--epochs", "6", "--warmup", "2", "--out", str(out), *SMALL])
    return out


@pytest.fixture
def without_pictures(monkeypatch):
    """No report is drawn: that of `folder` is enough."""
    monkeypatch.setattr("training.report.results.report", lambda *args: "a page")


def test_a_run_leaves_all_its_files(folder):
    assert {path.name for path in folder.iterdir()} == {*run.FILES, run.EVENTS}
    assert list((folder / run.EVENTS).glob("*/events.out.*"))


def test_scores(folder):
    scores = json.loads((folder / run.SCORES).read_text())
    assert scores["elbo"] == pytest.approx(-scores["reconstruction"] - scores["kl"], rel=1e-5)
    assert scores["elbo"] < scores["log_likelihood"] < 0
    assert (scores["importance_samples"], scores["examples"], scores["epochs"]) == (20, 50, 6)
    assert scores["training_seconds"] > 0
    assert scores["versions"]["keras"] == keras.__version__


def test_scores_are_those_of_the_saved_model(folder):
    scores = json.loads((folder / run.SCORES).read_text())
    test = choose(0, load_dataset("digits").test, 50)
    values = zoo.load(folder).log_likelihood(test, samples=20)
    assert scores["log_likelihood"] == pytest.approx(values.mean(dtype=np.float64), abs=1e-4)
    assert scores["log_likelihood_standard_error"] == pytest.approx(values.std(ddof=1) / np.sqrt(50), rel=1e-3)


def test_history_has_a_row_an_epoch_and_the_warm_up(folder):
    header, *rows = (folder / run.HISTORY).read_text().split()
    columns = dict(zip(header.split(","), zip(*(map(float, row.split(",")) for row in rows), strict=True), strict=True))
    assert len(rows) == 6
    assert columns["annealing"][:3] == (0.5, 1, 1)
    np.testing.assert_allclose(
        np.array(columns["loss"][2:]), np.add(columns["reconstruction"], columns["kl"])[2:], rtol=1e-4
    )
    assert columns["val_loss"][-1] < columns["val_loss"][2]


def test_the_report_is_one_page_with_all_its_pictures(folder):
    page = (folder / run.REPORT).read_text(encoding="utf-8")
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 13
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in sources)
    assert "http" not in re.sub(r"base64,[^\"]*", "", page)
    scores = json.loads((folder / run.SCORES).read_text())
    assert f"{scores['elbo']:.2f}" in page


def test_a_finished_run_is_left_alone(folder, capsys):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    main(["--model", "tril_vae", "--epochs", "6", "--warmup", "2", "--out", str(folder), *SMALL])
    assert "trained already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.usefixtures("without_pictures")
def test_one_seed_gives_one_run_and_a_loaded_model_can_be_trained_on(folder, tmp_path):
    words = ["--epochs", "6", "--warmup", "2", *SMALL, *UNSCORED]
    main(["--model", "tril_vae", "--out", str(tmp_path / "again"), *words])
    vae, again = zoo.load(folder), zoo.load(tmp_path / "again")
    for weight, other in zip(vae.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)

    dataset = load_dataset("digits")
    before = vae.score(dataset.test, samples=20).elbo.mean()
    vae.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    with pytest.warns(UserWarning, match="samplers were removed: aggregated, gmm"):
        vae.fit(dataset.validation, batch_size=50, epochs=15, verbose=0)
    assert vae.score(dataset.test, samples=20).elbo.mean() > before


def test_the_config_says_what_ran(folder):
    config = json.loads((folder / run.CONFIG).read_text())
    computed = (*USER_DATA_OPTIONS, "data_checksum", "columns", "filled")
    assert None not in [value for name, value in config.items() if name not in computed]
    expected = {"binarize": "dynamic", "posterior": "tril", "prior": "standard", "likelihood": "bernoulli"}
    assert config | expected == config
    assert (
        Config.from_json(json.dumps(config)).resolved(load_dataset("digits")).to_json()
        == json.dumps(config, indent=2) + "\n"
    )


def test_a_config_rebuilds_the_model(folder):
    config = Config.from_json((folder / run.CONFIG).read_text())
    vae = zoo.load(folder)
    again = zoo.build(config.model, vae.event_shape, vae.support, seed=config.seed, **config.overrides)
    for key in zoo.VAE.PARTS[1:3] + zoo.VAE.PARTS[4:]:
        assert getattr(again, key).get_config() == getattr(vae, key).get_config() | {"name": getattr(again, key).name}
    for name in list(vae.samplers.fitted):
        vae.samplers.remove(name)
    assert [w.shape for w in again.weights] == [w.shape for w in vae.weights]


def test_a_warm_up_must_end_before_the_training(tmp_path):
    with pytest.raises(SystemExit, match="--warmup to be less than the"):
        main(["--epochs", "5", "--warmup", "5", "--out", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("without_pictures")
def test_early_stopping_counts_after_the_warm_up_and_keeps_the_best(tmp_path):
    # At this learning rate the loss gets worse soon, and patience ends the run before its 60 epochs.
    words = ["--epochs", "60", "--warmup", "5", "--patience", "2", "--learning-rate", "0.03", "--no-jit"]
    main(["--out", str(tmp_path / "run"), *words, *SMALL, *UNSCORED])
    rows = [row.split(",") for row in (tmp_path / "run" / run.HISTORY).read_text().split()]
    losses = [float(row[rows[0].index("val_loss")]) for row in rows[1:]]
    assert 5 + 2 < len(losses) < 60
    best = 5 + int(np.argmin(losses[5:]))
    assert len(losses) - 1 - best == 2
    dataset = load_dataset("digits")
    vae = zoo.load(tmp_path / "run")
    vae.compile(jit_compile=False)
    passes = np.concatenate([dataset.validation] * 10)  # each with noise of its own
    again = vae.evaluate(passes, batch_size=len(dataset.validation), verbose=0, return_dict=True)["loss"]
    assert again == pytest.approx(losses[best], rel=1e-5)


@pytest.mark.parametrize(("examples", "passes"), [(1, 10), (200, 10), (500, 10), (1_000, 5), (10_000, 1)])
def test_few_validation_examples_are_measured_often(examples, passes):
    assert validation_passes(examples) == passes


def test_patience_is_a_third_of_the_epochs_unless_given():
    dataset = load_dataset("digits")
    assert [Config(epochs=epochs).resolved(dataset).patience for epochs in (None, 2)] == [100, 1]
    assert Config(patience=0).resolved(dataset).patience == 0


@pytest.mark.parametrize("part", [{"posterior": "diag"}, {"latent": 4}, {"support": "unit"}, {"event_shape": (64,)}])
def test_another_run_s_model_is_refused(folder, part):
    config = Config.from_json((folder / run.CONFIG).read_text())
    shape, support = (8, 8, 1), "binary"
    parts = {"latent": 3, "network": "mlp(hidden=(4,))"} | part
    vae = zoo.build("tril_vae", parts.pop("event_shape", shape), parts.pop("support", support), **parts)
    dataset = load_dataset("digits")
    with pytest.raises(ValueError, match=r"model\.json' is another run's model: its "):
        run.check_model(config, vae, dataset)
    run.check_model(config, zoo.load(folder), dataset)


def test_a_full_disk_at_the_end_loses_no_training(tmp_path, monkeypatch):
    words = ["--epochs", "1", "--warmup", "0", "--out", str(tmp_path / "run"), "--no-jit", *SMALL, *UNSCORED]
    monkeypatch.setattr("training.run.evaluate_run", lambda *args: None)
    with monkeypatch.context() as patch:
        patch.setattr("zoo.save", fail_on_a_full_disk)
        with pytest.raises(SystemExit, match=r"No space left on device.*Free some space"):
            main(words)
    steps = [path.name for path in (tmp_path / "run" / run.CHECKPOINTS).glob("*.index")]
    assert steps == ["step-13.index"]  # of an epoch of 1,397 examples
    monkeypatch.setattr(
        "training.loop.training.Training.run_epoch", lambda *args: pytest.fail("There was nothing left to train.")
    )
    main(words)
    zoo.load(tmp_path / "run")
    assert not (tmp_path / "run" / run.CHECKPOINTS).exists()


def fail_on_a_full_disk(*args):
    raise OSError(28, "No space left on device")
