"""Wrong input to `python -m training.train`: a sentence and a status, no traceback, nothing written."""

import os
import subprocess
import sys

import pytest

import zoo
import zoo.__main__ as zoo_command
from tests import ROOT
from training import run_folder as run
from training.config import Config
from training.data import dataset_names
from training.train import main

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """Nothing is trained, and what would be written is written below `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZOO_DATA_DIR", raising=False)
    monkeypatch.setattr("training.run.train", lambda *args: pytest.fail("This input was to be refused."))


def below(folder):
    """All files in a folder with their content, and all folders."""
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.fixture
def refusal(tmp_path, capsys):
    """A function of the command's words: the sentence that it ends with, in one line."""

    def refuse(*args):
        before = below(tmp_path)
        with pytest.raises(SystemExit) as end:
            main(list(args))
        assert below(tmp_path) == before
        code, captured = end.value.code, capsys.readouterr()
        if isinstance(code, str):
            assert code.startswith("error: ")
            assert "\n" not in code
            message = code
        else:
            assert code == 2  # tyro's, for what it cannot read
            message = " ".join(captured.err.split())
        assert "Traceback" not in captured.err + captured.out
        return message

    return refuse


def assert_names(message, words):
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("flag", "known"),
    [("--model", zoo.model_names()), ("--data", dataset_names())]
    + [(f"--{kind}", zoo.names(kind)) for kind in ("posterior", "prior", "likelihood", "network", "objective")],
)
def test_unknown_name_is_refused_with_the_known_ones(refusal, flag, known):
    assert known
    assert_names(refusal(flag, "nope", "--out", "run"), ["'nope'", *known])


@pytest.mark.parametrize(
    ("flag", "spec", "words"),
    [
        ("--prior", "mixture(foo=1)", ["'mixture'", "'foo'", "components"]),
        ("--objective", "elbo(foo=1)", ["'elbo'", "'foo'", "beta", "free_bits"]),
        ("--posterior", "diag(foo=1)", ["'diag'", "'foo'"]),
        ("--prior", "mixture(", ["'mixture('", "mixture(components=100)"]),
        ("--prior", "mixture(100)", ["'mixture(100)'", "mixture(components=100)"]),
        ("--prior", "mixture(components=ten)", ["'mixture(components=ten)'", "mixture(components=100)"]),
        ("--prior", "a mixture", ["'a mixture'", "mixture(components=100)"]),
        ("--prior", "", ["''", "mixture(components=100)"]),
    ],
)
def test_spec_that_cannot_be_followed_is_refused(refusal, flag, spec, words):
    assert_names(refusal(flag, spec, "--out", "run"), words)


@pytest.mark.parametrize(
    ("flag", "spec", "words"),
    [
        ("--prior", "mixture(components=0)", ["components", "0"]),
        ("--prior", "mixture(components=2.5)", ["components", "2.5"]),
        ("--prior", "mixture(components='a')", ["components", "'a'"]),
        ("--likelihood", "normal(scale=-1)", ["scale", "-1"]),
        ("--network", "gated_mlp(hidden=())", ["hidden", "()"]),
        ("--network", "gated_mlp(hidden=300)", ["hidden", "300"]),
        ("--objective", "elbo(beta=-1)", ["beta", "-1"]),
        ("--objective", "elbo(beta=None)", ["beta", "None"]),
    ],
)
def test_option_of_a_wrong_value_is_named_with_it(refusal, flag, spec, words):
    assert_names(refusal(flag, spec, "--binarize", "none", "--out", "run"), words)


@pytest.mark.parametrize(
    ("likelihood", "how", "words"),
    [
        ("bernoulli", "none", ["{0, 1}", "[0, 1]", "'continuous_bernoulli'", "'normal'", "--binarize"]),
        ("continuous_bernoulli", "static", ["[0, 1]", "{0, 1}", "'binary'", "'bernoulli'"]),
        ("discretized_logistic", "none", ["{0, …, 255}", "[0, 1]", "'continuous_bernoulli'", "'normal'"]),
    ],
)
def test_likelihood_that_does_not_fit_is_refused_with_those_that_do(refusal, likelihood, how, words):
    message = refusal("--data", "digits", "--likelihood", likelihood, "--binarize", how, "--out", "run")
    assert_names(message, [f"'{likelihood}'", *words])


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--latent", "0", ["--latent", "1 or more", "got 0"]),
        ("--latent", "many", ["--latent", "'many'"]),
        ("--batch-size", "0", ["--batch-size", "1 or more", "got 0"]),
        ("--batch-size", "1398", ["--batch-size", "from 1 to 1397", "got 1398"]),
        ("--epochs", "-1", ["--epochs", "from 1 to 100000", "got -1"]),
        ("--epochs", "0", ["--epochs", "from 1 to 100000", "got 0"]),
        ("--warmup", "-1", ["--warmup", "0 or more", "got -1"]),
        ("--patience", "-1", ["--patience", "0 or more", "got -1"]),
        ("--samples", "0", ["--samples", "from 1 to 10000000", "got 0"]),
        ("--test-examples", "0", ["--test-examples", "2 or more", "got 0"]),
        ("--steps-per-execution", "0", ["--steps-per-execution", "1 or more", "got 0"]),
        ("--seed", "-1", ["seed", "0 or more", "got -1"]),
        ("--seed", str(2**63), ["seed", f"got {2**63}"]),
        ("--learning-rate", "nan", ["--learning-rate", "over 0", "got nan"]),
        ("--learning-rate", "0", ["--learning-rate", "over 0", "got 0"]),
        ("--learning-rate", "inf", ["--learning-rate", "got inf"]),
        ("--epochs", "1000000000", ["--epochs", "from 1 to 100000", "got 1000000000"]),
        ("--samples", "1000000000000", ["--samples", "from 1 to 10000000"]),
        ("--latent", "1000000000", ["weight 'kernel' of shape", "GiB", "this machine has", "smaller latent"]),
        ("--network", "mlp(hidden=(1000000000,))", ["smaller hidden layers"]),
        ("--objective", "iwae(samples=100000)", ["100 examples", "samples=100,000", "GiB", "fewer samples"]),
        ("--clip-norm", "nan", ["--clip-norm", "over 0", "got nan"]),
        ("--binarize", "twice", ["'twice'", "--binarize", "none", "static", "dynamic"]),
    ],
)
def test_number_out_of_range_is_refused(refusal, flag, value, words):
    assert_names(refusal(flag, value, "--out", "run"), words)


@pytest.mark.parametrize("out", ["file", "file/run", "file/below/run"])
def test_folder_that_cannot_be_written_is_refused(refusal, tmp_path, out):
    (tmp_path / "file").write_text("a regular file")
    assert_names(refusal("--out", out), [f"'{out}'", "Cannot write", "--out"])


def test_folder_of_something_else_is_refused(refusal, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("irreplaceable")
    assert_names(refusal("--out", "run"), ["'run'", "not empty", "--out"])


def test_folder_of_another_run_is_refused_with_what_differs(refusal, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / run.CONFIG).write_text(Config(latent=3).to_json())
    message = refusal("--out", "run", "--latent", "4")
    assert_names(message, ["'run'", "latent is 3 there, 4 here", "--out", "--overwrite"])
    assert "learning_rate" not in message


def test_folder_whose_config_is_damaged_is_refused_by_name(refusal, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / run.CONFIG).write_text("{")
    (tmp_path / "run" / run.MODEL).write_text("{}")
    assert_names(refusal("--out", "run"), ["'run'", "does not contain a training run"])


@pytest.mark.parametrize(
    ("data", "file"),
    [
        ("mnist", "mnist/train-images-idx3-ubyte"),
        ("fashion_mnist", "fashion_mnist/train-images-idx3-ubyte"),
        ("static_mnist", "static_mnist/binarized_mnist_train.amat"),
    ],
)
def test_data_file_that_is_missing_is_named_with_where_to_get_it(refusal, data, file):
    message = refusal("--data", data, "--data-dir", "nowhere", "--out", "run")
    assert_names(message, [f"nowhere/{file}", "http", "--data-dir"])


def test_unknown_flag_is_refused(refusal):
    assert_names(refusal("--frobnicate", "3", "--out", "run"), ["--frobnicate"])


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_is_refused_by_name(tmp_path, backend):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": backend}
    for command, last in (
        (["-m", "training.train"], "error: Expected Keras's backend"),
        (["-c", "import zoo; zoo.build"], "ImportError: Expected Keras's backend"),
    ):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(last)
        assert f"got {backend}" in done.stderr
        assert ("Traceback" in done.stderr) == (command[0] == "-c")


def test_models_are_listed_without_building_any(capsys, monkeypatch):
    monkeypatch.setattr(zoo.VAE, "__init__", lambda *args, **kwargs: pytest.fail("A model was built."))
    zoo_command.main([])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["model", *zoo.model_names()]
    assert_names(next(line for line in lines if line.startswith("vamp_vae")), ["diag", "vamp", "The VampPrior"])
    with pytest.raises(SystemExit, match="error: No model 'nope'"):
        zoo_command.main(["nope"])


def test_process_ends_with_a_sentence_and_a_status(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "training.train", "--model", "nope"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert_names(last, ["'nope'", *zoo.model_names()])
    assert list(tmp_path.iterdir()) == []
