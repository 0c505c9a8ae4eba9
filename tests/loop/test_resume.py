"""A training that is stopped goes on where it was, and comes to the same bits."""

import csv
import os
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.shared.processes import SMALL, done, start, train_only, wait_for
from training import run_folder as run
from training.loop.checkpoints import Checkpoints, Position
from training.loop.training import Training
from training.train import main

pytestmark = pytest.mark.slow

# Eight epochs of 13 steps, in calls of five steps; at such a rate the last one is not the best.
COMMAND = ["--model", "vamp_vae", "--prior", "vamp(components=5)", "--steps-per-execution", "5", *SMALL]
COMMAND += ["--epochs", "8", "--warmup", "2", "--patience", "3", "--learning-rate", "0.3", "--checkpoint-steps", "7"]
COMMAND += ["--ema", "0.5", "--lr-schedule", "exponential(final=0.9)"]


class Killed(BaseException):
    """What a SIGKILL is to a test within one process: nothing that the program could do is done after it."""


@pytest.fixture(autouse=True)
def not_evaluated(monkeypatch):
    monkeypatch.setattr("training.run.evaluate_run", lambda *of_run: None)


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory):
    """The folder of a run that nobody stopped."""
    out = tmp_path_factory.mktemp("never_stopped") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("training.run.evaluate_run", lambda *of_run: None)
        main([*COMMAND, "--out", str(out)])
    with (out / run.HISTORY).open(newline="") as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert losses[-1] > min(losses)  # so there are weights to go back to
    return out


@pytest.fixture
def command(tmp_path):
    """The same run in another folder."""
    return [*COMMAND, "--out", str(tmp_path / "run")]


def assert_same_bits(folder, other):
    for weight, expected in zip(zoo.load(folder).get_weights(), zoo.load(other).get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert (folder / run.HISTORY).read_text() == (other / run.HISTORY).read_text()


def after(calls, do, method):
    """The method, with something to do after so many calls."""
    count = 0

    def called(self, *args):
        nonlocal count
        result, count = method(self, *args), count + 1
        if count == calls:
            do()
        return result

    return called


def kill():
    raise Killed


def newest_step(folder):
    """That of the last checkpoint, 0 where there is none."""
    return max((int(path.stem.split("-")[1]) for path in (folder / run.CHECKPOINTS).glob("*.index")), default=0)


PLACES = [
    (Position, "add", 1),  # before the first checkpoint
    (Position, "add", 9),
    (Position, "add", 5),
    (Training, "end_epoch", 2),
    (Training, "restore_best_weights", 1),
    (Checkpoints, "remove", 1),
]


def test_killed_again_and_again_in_all_places_it_comes_to_the_same_bits(never_stopped, command, tmp_path, monkeypatch):
    steps = []
    for owner, method, calls in PLACES:
        with monkeypatch.context() as patch:
            patch.setattr(owner, method, after(calls, kill, getattr(owner, method)))
            with pytest.raises(Killed):
                main(command)
        steps.append(newest_step(tmp_path / "run"))
    main(command)
    assert steps == [0, 36, 52, 62, 104, 0]  # each further on than the one before, until all are removed
    assert_same_bits(tmp_path / "run", never_stopped)


def test_killed_by_the_system_it_comes_to_the_same_bits(never_stopped, command, tmp_path):
    """The real thing, in a process of its own."""
    folder = tmp_path / "run"
    process = start(train_only, *command)
    wait_for(lambda: list((folder / run.CHECKPOINTS).glob("step-*")), process)
    process.kill()
    process.join()
    done(start(train_only, *command))
    assert_same_bits(folder, never_stopped)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_asked_to_end_it_checkpoints_and_goes_on_later(
    never_stopped, command, tmp_path, monkeypatch, capsys, number, status
):
    with monkeypatch.context() as patch:
        patch.setattr(Position, "add", after(4, lambda: os.kill(os.getpid(), number), Position.add))
        with pytest.raises(SystemExit) as end:
            main(command)
    assert end.value.code == status
    # The signal comes between two calls of five steps, of 13 in an epoch, and the second of them is still made.
    assert "stopped after step 23; the same command resumes from there" in capsys.readouterr().out
    main(command)
    assert "resuming from step 23 of 104" in capsys.readouterr().out
    assert_same_bits(tmp_path / "run", never_stopped)


def stopped_at(monkeypatch, command, calls):
    """Trains until after so many calls."""
    with monkeypatch.context() as patch:
        patch.setattr(Position, "add", after(calls, kill, Position.add))
        with pytest.raises(Killed):
            main(command)


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    """The folder of a run that was killed with checkpoints in it, the last two of steps 26 and 36."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        stopped_at(monkeypatch, [*COMMAND, "--out", str(out)], 9)
    return out


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """A copy of it, where `command` goes on."""
    return shutil.copytree(stopped_once, tmp_path / "run")


def test_the_last_few_checkpoints_are_kept(command, tmp_path, monkeypatch):
    stopped_at(monkeypatch, [*command, "--checkpoints-kept", "2"], 20)
    kept = {path.name for path in (tmp_path / "run" / run.CHECKPOINTS).glob("*.index")}
    assert kept == {"step-70.index", "step-78.index"}  # one is due 7 steps after the last, at the end of a call


def test_checkpoints_are_due_after_minutes_too(command, tmp_path, monkeypatch):
    stopped_at(monkeypatch, [*command, "--checkpoint-steps", "1000", "--checkpoint-minutes", "1e-9"], 3)
    kept = {path.name for path in (tmp_path / "run" / run.CHECKPOINTS).glob("*.index")}
    assert kept == {"step-5.index", "step-10.index"}


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [
        (".index", lambda content: content[: len(content) // 2]),
        (".data-00000-of-00001", lambda content: b""),
        (".data-00000-of-00001", lambda content: content[:50] + b"\x00\xff" * 50 + content[150:]),
    ],
    ids=["index cut off", "data empty", "data altered"],
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(
    never_stopped, command, stopped, capsys, suffix, damage
):
    newest = stopped / run.CHECKPOINTS / f"step-36{suffix}"
    newest.write_bytes(damage(newest.read_bytes()))
    main(command)
    said = capsys.readouterr().out
    assert "step-36' cannot be read" in said
    assert "resuming from step 26" in said
    assert_same_bits(stopped, never_stopped)


def test_where_no_checkpoint_can_be_read_nothing_is_thrown_away(command, stopped):
    paths = list((stopped / run.CHECKPOINTS).glob("*.index"))
    for path in paths:
        path.write_bytes(b"")
    with pytest.raises(SystemExit, match=r"None of the checkpoints in .* can be read\. Start again with --overwrite"):
        main(command)
    assert all(path.exists() for path in paths)


def test_killed_while_it_wrote_its_first_checkpoint_it_begins_again(never_stopped, command, tmp_path, capsys):
    def half(self, checkpoint_number):
        folder.mkdir()
        (folder / f"step-{checkpoint_number}.index").write_bytes(b"half")
        kill()

    folder = tmp_path / "run" / run.CHECKPOINTS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.train.CheckpointManager, "save", half)
        with pytest.raises(Killed):
            main(command)
    main(command)
    assert "starting from the beginning" in capsys.readouterr().out
    assert_same_bits(tmp_path / "run", never_stopped)


def test_a_damaged_list_of_checkpoints_does_no_harm(never_stopped, command, stopped, capsys):
    (stopped / run.CHECKPOINTS / "checkpoint").write_bytes(b"\x00 no list")
    main(command)
    assert "resuming from step 36" in capsys.readouterr().out
    assert_same_bits(stopped, never_stopped)


def test_a_full_disk_ends_the_run_and_leaves_the_last_good_checkpoint(never_stopped, command, tmp_path, monkeypatch):
    def full(self, *args, **kwargs):
        (folder / "step-36_temp").mkdir()
        (folder / "step-36_temp" / "part").write_bytes(b"half")
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    folder = tmp_path / "run" / run.CHECKPOINTS
    with monkeypatch.context() as patch:
        save = tf.train.CheckpointManager.save
        patch.setattr(
            Position, "add", after(7, lambda: patch.setattr(tf.train.CheckpointManager, "save", full), Position.add)
        )
        with pytest.raises(
            SystemExit, match=r"step 36 could not be written.*No space left.*the last good one, of step 26"
        ):
            main(command)
    assert tf.train.CheckpointManager.save is save
    assert not list(folder.glob("step-36*"))
    main(command)
    assert_same_bits(tmp_path / "run", never_stopped)


def test_another_config_is_refused_where_a_run_was_begun(command, stopped):
    with pytest.raises(SystemExit, match="seed is 0 there, 1 here"):
        main([*command, "--seed", "1"])
    assert list((stopped / run.CHECKPOINTS).glob("*.index"))


def test_overwriting_starts_anew(never_stopped, command, stopped, capsys):
    capsys.readouterr()
    main([*command, "--overwrite"])
    assert "resuming" not in capsys.readouterr().out
    assert_same_bits(stopped, never_stopped)
