"""A fine-tuning that is killed goes on where it was, and comes to the same bits, whatever it trains."""

import numpy as np
import pytest

import zoo
from training import run_folder as run
from training.data import load_dataset
from training.finetune import main
from training.loop.checkpoints import Position
from training.train import main as train

pytestmark = pytest.mark.slow

SMALL = ["--no-jit", "--samples", "2", "--test-examples", "5", "--steps-per-execution", "3", "--checkpoint-steps", "5"]


class Killed(BaseException):
    """What a SIGKILL is to a test within one process: nothing that the program could do is done after it."""


@pytest.fixture(scope="module", autouse=True)
def _not_evaluated():
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("training.run.evaluate_run", lambda *of_run: None)
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Folder of a small model of the digits, trained for two epochs."""
    out = tmp_path_factory.mktemp("runs") / "vamp_vae-digits"
    parts = ["--model", "vamp_vae", "--prior", "vamp(components=5)", "--latent", "3", "--network", "mlp(hidden=(16,))"]
    train([*parts, "--epochs", "2", "--out", str(out), *SMALL])
    return out


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Path of 120 digits upside down."""
    path = tmp_path_factory.mktemp("data") / "upside_down.npy"
    np.save(path, load_dataset("digits").train[:120][:, ::-1])
    return path


@pytest.mark.parametrize("words", [["--train", "decoder"], ["--train", "lora(rank=2)"], ["--posterior", "tril"]])
def test_killed_twice_it_comes_to_the_same_bits(base, data, tmp_path, monkeypatch, words):
    command = ["--base", str(base), "--data", str(data), "--epochs", "9", "--batch-size", "20", "--ema", "0.5", *SMALL]
    main([*command, *words, "--out", str(tmp_path / "never_stopped")])
    add = Position.add
    for calls in (5, 7):
        count = 0

        def killing(self, *args, calls=calls):
            nonlocal count
            add(self, *args)
            count += 1
            if count == calls:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Position, "add", killing)
            with pytest.raises(Killed):
                main([*command, *words, "--out", str(tmp_path / "killed")])
    main([*command, *words, "--out", str(tmp_path / "killed")])
    folders = tmp_path / "never_stopped", tmp_path / "killed"
    expected, found = (zoo.load(folder).get_weights() for folder in folders)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)
    histories = [(folder / run.HISTORY).read_text() for folder in folders]
    assert histories[0] == histories[1]
