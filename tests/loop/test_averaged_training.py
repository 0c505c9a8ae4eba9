"""The training command with --ema: it trains the same weights as without, and validates and saves their average."""

import json

import numpy as np
import pytest

import zoo
from tests.shared.averages import numpy_averages
from training import run_folder as run
from training.data import load_dataset
from training.loop.checkpoints import Position
from training.train import main
from zoo.callbacks import annealing

pytestmark = pytest.mark.slow

MOMENTUM = 0.9
COMMAND = ["--model", "diag_vae", "--latent", "3", "--network", "mlp(hidden=(16,))", "--no-jit", "--epochs", "5"]
COMMAND += ["--warmup", "1", "--learning-rate", "0.03", "--steps-per-execution", "1", "--patience", "0"]
AVERAGED = [*COMMAND, "--ema", str(MOMENTUM)]


@pytest.fixture(autouse=True)
def vaes(monkeypatch):
    """The models that are built, not evaluated."""
    monkeypatch.setattr("training.run.evaluate_run", lambda *of_run: None)
    vaes, build = [], zoo.build
    monkeypatch.setattr(zoo, "build", lambda *args, **options: vaes.append(build(*args, **options)) or vaes[-1])
    return vaes


def weights_of(vae):
    return [weight.numpy().copy() for weight in vae.trainable_weights]


@pytest.fixture
def path(monkeypatch, vaes):
    """The weights after each step."""
    path, add = [], Position.add
    monkeypatch.setattr(Position, "add", lambda *args: path.append(weights_of(vaes[-1])) or add(*args))
    return path


def history(folder):
    return np.genfromtxt(folder / run.HISTORY, delimiter=",", names=True)


def validation_loss(vae):
    dataset = load_dataset("digits")
    vae.compile(jit_compile=False)
    x = np.concatenate([dataset.validation] * 10)
    return vae.evaluate(x, batch_size=len(dataset.validation), verbose=0, return_dict=True)["loss"]


def assert_weights(found, expected, **tolerance):
    for value, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, want, **tolerance)


def test_it_trains_as_without_and_validates_and_saves_the_average(tmp_path, path, capsys):
    schedule = ["--lr-schedule", "steps(at=(4,), factor=0.5)"]
    main([*COMMAND, *schedule, "--out", str(tmp_path / "plain")])
    raw, path[:] = [*path], []
    main([*AVERAGED, *schedule, "--out", str(tmp_path / "run")])
    assert "validated and saved: the moving average of the weights, momentum 0.9" in capsys.readouterr().out
    for weights, want in zip(path, raw, strict=True):
        assert_weights(weights, want, rtol=0)  # bit for bit
    plain, averaged = history(tmp_path / "plain"), history(tmp_path / "run")
    np.testing.assert_array_equal(averaged["loss"], plain["loss"])
    assert not np.isclose(averaged["val_loss"], plain["val_loss"]).any()
    vae = zoo.load(tmp_path / "run")
    assert_weights(weights_of(vae), numpy_averages(path, MOMENTUM)[-1], rtol=1e-3, atol=1e-5)
    assert validation_loss(vae) == pytest.approx(averaged["val_loss"][-1], rel=1e-5)
    np.testing.assert_allclose(averaged["learning_rate"], [0.03] * 4 + [0.015])


def test_the_weights_of_the_best_epoch_are_its_average(tmp_path, path, monkeypatch):
    is_best = Position.is_best
    monkeypatch.setattr(Position, "is_best", lambda self, loss: len(self.history) == 3 and is_best(self, loss))
    main([*AVERAGED, "--patience", "5", "--out", str(tmp_path / "run")])
    vae = zoo.load(tmp_path / "run")
    assert validation_loss(vae) == pytest.approx(history(tmp_path / "run")["val_loss"][2], rel=1e-5)
    assert_weights(weights_of(vae), numpy_averages(path, MOMENTUM)[len(path) // 5 * 3 - 1], rtol=1e-3, atol=1e-5)


def test_when_steps_go_wrong_the_average_of_those_before_is_saved(tmp_path, path, vaes, monkeypatch):
    taken = []

    def annealing_and_spoilt(epoch, warmup):
        if epoch == 2:
            taken.append(len(path))
            weight = vaes[-1].likelihood.trainable_variables[0]
            weight.assign(np.nan * weight)
        return annealing(epoch, warmup)

    monkeypatch.setattr("training.loop.training.annealing", annealing_and_spoilt)
    with pytest.raises(SystemExit, match="10 consecutive steps with NaN or Inf"):
        main([*AVERAGED, "--warmup", "4", "--out", str(tmp_path / "run")])
    expected = numpy_averages(path[: taken[0]], MOMENTUM)[-1]
    assert_weights(weights_of(zoo.load(tmp_path / "run")), expected, rtol=1e-3, atol=1e-5)


def test_a_run_that_an_earlier_version_began_is_resumed(tmp_path, monkeypatch):
    """Its config has neither setting, and its history no learning rate."""
    main([*COMMAND, "--out", str(tmp_path / "whole")])
    command, end_epoch, add = [*COMMAND, "--checkpoint-steps", "1", "--out", str(tmp_path / "run")], *[None] * 2
    end_epoch, add = Position.end_epoch, Position.add

    def stop_after_30(self, *args):
        add(self, *args)
        if self.step == 30:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(
            Position, "end_epoch", lambda self, row, seconds: row.pop("learning_rate") and end_epoch(self, row, seconds)
        )
        patch.setattr(Position, "add", stop_after_30)
        patch.setattr("training.loop.training.Training.write_history", lambda *of_training: None)
        with pytest.raises(SystemExit):
            main(command)
    config = json.loads((tmp_path / "run" / run.CONFIG).read_text())
    del config["ema"], config["lr_schedule"]
    (tmp_path / "run" / run.CONFIG).write_text(json.dumps(config))
    main(command)
    assert (tmp_path / "run" / run.HISTORY).read_text() == (tmp_path / "whole" / run.HISTORY).read_text()
    whole, resumed = (weights_of(zoo.load(tmp_path / name)) for name in ("whole", "run"))
    assert_weights(resumed, whole, rtol=0)
