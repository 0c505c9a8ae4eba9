"""`python -m training.finetune`: a run that starts where another ended, and an account of what that was worth."""

import json
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

import zoo
from export.saved_model import export
from export.signatures import concrete
from training import run_folder as run
from training.config import Config
from training.data import load_dataset
from training.evaluate import main as evaluate
from training.finetune import main
from training.finetuning.account import FILE
from training.train import main as train

pytestmark = pytest.mark.slow

FEW = ["--samples", "20", "--test-examples", "20", "--generated", "0", "--no-aggregated", "--no-jit"]
SIZES = ["--latent", "3", "--network", "mlp(hidden=(16,))"]


@pytest.fixture(scope="module", autouse=True)
def _without_pictures():
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("training.report.results.report", lambda *args: "a page")
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A small model of the digits."""
    out = tmp_path_factory.mktemp("runs") / "diag_vae-digits"
    train(["--model", "diag_vae", "--out", str(out), "--epochs", "8", *SIZES, *FEW])
    return out


@pytest.fixture(scope="module")
def upside_down(tmp_path_factory, base):
    """Path of 150 digits upside down."""
    path = tmp_path_factory.mktemp("data") / "upside_down.npy"
    np.save(path, images_of("digits")[:150, ::-1])
    return path


def images_of(name):
    return load_dataset(name).train[:]


def finetune(base, data, out, *words):
    main(["--base", str(base), "--data", str(data), "--out", str(out), *FEW, *words])
    return zoo.load(out)


def account_of(out):
    return json.loads((out / FILE).read_text())


def scores_of(out, name="log_likelihood"):
    return json.loads((out / run.SCORES).read_text())[name]


def test_it_is_an_ordinary_run_beside_one_from_scratch(base, upside_down, tmp_path, capsys, monkeypatch):
    out = tmp_path / "tuned"
    monkeypatch.setattr("training.config.FINETUNING_EPOCHS", (10, 20))
    words = ["--batch-size", "20", "--patience", "0", "--compare-scratch"]
    finetune(base, upside_down, out, *words)
    check_account(account_of(out))
    told = capsys.readouterr().out
    for sentence in ("its own scores on digits", "untouched, on the new data", "gained over scratch", "forgotten"):
        assert sentence in told
    config, other = (json.loads((folder / run.CONFIG).read_text()) for folder in (out, tmp_path / "tuned-scratch"))
    assert config.pop("from")["model"] == str(base)
    differing = {key for key in config if config[key] != other[key]}
    assert differing <= {"warmup", "generated"}  # as many epochs of the same batches
    scores = scores_of(out)
    evaluate(["--run", str(out), "--samples", "20", "--test-examples", "20", "--generated", "0"])
    assert scores_of(out) == scores
    finetune(base, upside_down, out, *words)
    assert "is trained already" in capsys.readouterr().out


def test_a_finished_run_is_compared_later(base, upside_down, tmp_path, capsys):
    out, words = tmp_path / "tuned", ["--epochs", "1"]
    finetune(base, upside_down, out, *words)
    before, weights = account_of(out), zoo.load(out).get_weights()
    assert "scratch" not in before
    for _ in range(2):
        finetune(base, upside_down, out, *words, "--compare-scratch")
        found = account_of(out)
        assert found["scratch"]["elbo"] == scores_of(tmp_path / "tuned-scratch", "elbo")
        assert found["after"] == before["after"]
    assert capsys.readouterr().out.endswith(f"Report: {out / 'report.html'}\n")  # the second time it is left alone
    for old, new in zip(weights, zoo.load(out).get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def check_account(found):
    """Checks the sums of an account, and that it tells of a gain."""
    elbo = {name: scores["elbo"] for name, scores in found.items() if isinstance(scores, dict)}
    assert elbo["gain"] > 3 * found["gain"]["elbo_standard_error"]
    assert elbo["after"] - elbo["before"] == pytest.approx(elbo["gain"])
    assert elbo["after"] - elbo["scratch"] == pytest.approx(elbo["gain_over_scratch"])
    assert found["old_data"] == "digits"
    assert elbo["forgotten"] == pytest.approx(elbo["old_before"] - elbo["old_after"])


def test_a_trained_decoder_leaves_codes_bit_equal_also_in_the_exported_model(base, upside_down, tmp_path, monkeypatch):
    tuned, old = finetune(base, upside_down, tmp_path / "tuned", "--epochs", "3", "--train", "decoder"), zoo.load(base)
    monkeypatch.setattr(concrete, "TABLE", {name: concrete.TABLE[name] for name in ("reconstruct", "encode")})
    x, served = np.float32(images_of("digits")[:20] > 0.5), []
    for model in (old, tuned):
        version = export(model, tmp_path / "served", samples=4, max_batch_size=8, progress=False)
        served.append(tf.saved_model.load(str(version)).signatures)
    before, after = (signatures["encode"](x=tf.constant(x)) for signatures in served)
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])
    made = [signatures["reconstruct"](x=tf.constant(x)) for signatures in served]
    assert all(not np.array_equal(made[0][name], made[1][name]) for name in made[0])


def test_a_posterior_of_full_covariance_starts_where_the_diagonal_one_is(base, upside_down, tmp_path, capsys):
    finetune(base, upside_down, tmp_path / "tuned", "--epochs", "1", "--posterior", "tril")
    told = capsys.readouterr().out
    untouched, first = (
        next(line.split("ELBO ")[1] for line in told.splitlines() if line.startswith(name))
        for name in ("untouched", "before the first step")
    )
    assert untouched == first
    assert zoo.load(tmp_path / "tuned").posterior.family == zoo.parameterizations.TriL()


def test_other_data_are_scored_and_nothing_is_written(base, upside_down, capsys):
    before = {path: path.read_bytes() for path in base.iterdir() if path.is_file()}
    evaluate(["--run", str(base), "--data", str(upside_down), "--samples", "20"])
    told = capsys.readouterr().out
    assert "not the data that the model was trained on, digits" in told
    assert "test ELBO" in told
    assert before == {path: path.read_bytes() for path in base.iterdir() if path.is_file()}


def test_other_data_of_the_zoo_are_told_by_their_name():
    digits, tumors = load_dataset("digits"), load_dataset("breast_cancer")
    assert run.has_data(Config(data="digits"), digits)
    assert not run.has_data(Config(data="digits"), tumors)
    assert not run.has_data(Config(data="digits", data_checksum="0a"), digits)


def test_the_account_is_kept_where_the_model_that_it_started_from_is_gone(base, upside_down, tmp_path, capsys):
    moved = shutil.copytree(base, tmp_path / "base")
    finetune(moved, upside_down, tmp_path / "tuned", "--epochs", "1")
    before = account_of(tmp_path / "tuned")
    shutil.rmtree(moved)
    evaluate(["--run", str(tmp_path / "tuned"), "--samples", "20", "--test-examples", "20", "--generated", "0"])
    assert "the account of before is kept" in capsys.readouterr().out
    assert account_of(tmp_path / "tuned") == before


def test_a_run_is_not_written_over_the_model_that_it_starts_from(base, upside_down, tmp_path):
    for folder in (base, base.with_name("other")):
        words = ["--out", str(folder), "--overwrite"]
        start = base if folder == base else shutil.copytree(base, base.with_name("other-scratch"))
        with pytest.raises(SystemExit, match="is that of the model"):
            main(["--base", str(start), "--data", str(upside_down), *FEW, *words])


def test_columns_of_a_run_of_an_earlier_version_are_those_of_its_data(tmp_path, capsys):
    words = ["--data", "breast_cancer", "--epochs", "1", "--latent", "2", "--network", "mlp(hidden=(4,))"]
    train(["--model", "diag_vae", "--out", str(tmp_path / "base"), *words, *FEW])
    config = json.loads((tmp_path / "base" / run.CONFIG).read_text())
    columns, config["columns"] = config["columns"], None
    (tmp_path / "base" / run.CONFIG).write_text(json.dumps(config))
    x = load_dataset("breast_cancer").train[:][:, ::-1]
    rows = [",".join(columns[::-1]), *(",".join(map(str, row)) for row in x[:60])]
    (tmp_path / "reversed.csv").write_text("\n".join(rows))
    finetune(tmp_path / "base", tmp_path / "reversed.csv", tmp_path / "tuned", "--epochs", "1", "--keep-units")
    assert "columns are matched by name" in capsys.readouterr().out
    assert json.loads((tmp_path / "tuned" / run.CONFIG).read_text())["columns"] == columns
    assert account_of(tmp_path / "tuned")["before"]["elbo"] > -1000  # by position it would be −10⁹


def test_units_of_data_that_had_none_are_those_of_the_new_ones(base, tmp_path, capsys):
    np.save(tmp_path / "real.npy", 20 * images_of("digits")[:60] - 50)
    words = ["--epochs", "1", "--likelihood", "normal", "--train", "decoder"]
    tuned = finetune(base, tmp_path / "real.npy", tmp_path / "tuned", *words)
    assert "the earlier ones had none" in capsys.readouterr().out
    assert np.mean(tuned.likelihood.unstandardize(np.zeros(tuned.event_shape, np.float32))) < -40


def test_a_frozen_encoder_with_new_layers_is_refused(base, tmp_path):
    np.save(tmp_path / "rows.npy", images_of("digits")[:60].reshape(60, 64)[:, :60])
    with pytest.raises(SystemExit, match="would leave the encoder as it is initialized"):
        finetune(base, tmp_path / "rows.npy", tmp_path / "tuned", "--epochs", "1", "--train", "decoder")
    assert not (tmp_path / "tuned").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--train", "decoder", "--posterior", "tril"], "would leave the posterior as it is initialized"),
        (["--train", "prior", "--compare-scratch"], "would train nothing"),
        (["--train", "all of it"], "Expected --train to be all, decoder"),
        (["--train", "lora(rank=0)"], "Expected --train to be all, decoder"),
        (["--train", "prior"], "would train nothing: this model's weights are in encoder, posterior"),
        (["--base", "no_such_preset"], "No preset 'no_such_preset'"),
        (["--base", ""], "Expected a model to start from"),
        (["--posterior", "trill"], "No posterior 'trill'"),
        (["--binarize", "none"], "--likelihood"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(base, upside_down, tmp_path, words, said):
    gray = tmp_path / "gray.npy"
    np.save(gray, np.random.default_rng(0).random((40, 8, 8, 1)).astype(np.float32))
    data = gray if "--binarize" in words else upside_down
    with pytest.raises(SystemExit, match=re.escape(said)):
        main(["--base", str(base), "--data", str(data), "--out", str(tmp_path / "tuned"), *FEW, *words])
    assert not (tmp_path / "tuned").exists()
    assert not (tmp_path / "tuned-scratch").exists()


def test_a_model_that_was_changed_meanwhile_is_refused(base, upside_down, tmp_path):
    out = tmp_path / "tuned"
    finetune(base, upside_down, out, "--epochs", "1")
    config = json.loads((out / run.CONFIG).read_text())
    config["from"]["checksum"] = "0123456789abcdef"
    (out / run.CONFIG).write_text(json.dumps(config))
    with pytest.raises(SystemExit, match=r"contains another run \(checksum is '0123456789abcdef' there"):
        finetune(base, upside_down, out, "--epochs", "1")
