"""How commands end where something is wrong: with a sentence that says what, or with the traceback of a bug."""

import io

import numpy as np
import pytest
import tensorflow as tf

import zoo
from training.config import Config
from training.endings import explain
from training.train import main
from zoo.commands.endings import CommandError, ended_by_a_sentence, is_check
from zoo.commands.messages import reason

LOST = """Graph execution error:

Detected at node while/CollectiveReduceV2 defined at (most recent call last):
  File "fit.py", line 238, in take_steps

Collective ops is aborted by: recvmsg:Connection reset by peer
Additional GRPC error information from remote target /job:worker/replica:0/task:1 while calling RecvBuf:
:UNKNOWN:Error received from peer  {grpc_status:14}
The error could be from a previous operation. Restart your program to reset.
\t [[{{node while/CollectiveReduceV2}}]] [Op:__inference_take_steps_2790]"""
FULL = "{{function_node __wrapped__SaveV2_42_device_/job:localhost}} part-0; No space left on device [Op:SaveV2]"


@pytest.fixture(autouse=True)
def without_debugging(monkeypatch):
    monkeypatch.delenv("ZOO_DEBUG", raising=False)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (LOST, "Collective ops is aborted by: recvmsg:Connection reset by peer"),
        (FULL, "part-0; No space left on device"),
        ("a " * 300 + "reason", "… " + ("a " * 300 + "reason")[-200:]),
        ("", "OSError"),
    ],
)
def test_the_reason_is_taken_out_of_what_surrounds_it(message, said):
    assert reason(OSError(message)) == said


def ends(error):
    """The sentence that a training ends with after an error."""
    with pytest.raises(SystemExit) as end, ended_by_a_sentence("it resumes", explain):
        raise error
    return end.value.code


def test_a_lost_worker():
    sentence = ends(tf.errors.UnavailableError(None, None, LOST))
    assert sentence.startswith("error: another worker has ended or cannot be reached (Collective ops is aborted by")
    assert sentence.endswith("they resume from the last checkpoint.")


@pytest.mark.parametrize("error", [OSError(13, "Permission denied"), CommandError("Nothing can be exported.")])
def test_files_and_commands(error):
    assert ends(error) == f"error: {error}"


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), tf.errors.ResourceExhaustedError(None, None, FULL)]
)
def test_full_disks(error):
    sentence = ends(error)
    assert "No space left on device" in sentence
    assert sentence.endswith("Free some space, and run the same command again.")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 37.3 GiB for an array"),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor [Op:Mul]"),
    ],
)
def test_memory_that_is_too_small(error):
    sentence = ends(error)
    assert sentence.startswith(f"error: there is not enough memory ({str(error).split(' [Op')[0]}")
    assert "--batch-size" in sentence


def test_terminals_without_letters_get_question_marks(monkeypatch):
    ascii_terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", ascii_terminal)
    with ended_by_a_sentence("it resumes"):
        print("-22.43 ± 0.25")
    ascii_terminal.flush()
    assert ascii_terminal.buffer.getvalue() == b"-22.43 ? 0.25\n"


def test_data_that_are_gone():
    sentence = ends(tf.errors.NotFoundError(None, None, "a.png; No such file"))
    assert sentence.startswith("error: the data cannot be read any more (a.png; No such file).")


def test_an_interruption(capsys):
    with pytest.raises(SystemExit) as end, ended_by_a_sentence("nothing was written"):
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert capsys.readouterr().err == "\ninterrupted; nothing was written\n"


def raised_by(function):
    try:
        function()
    except Exception as error:
        return error


@pytest.mark.parametrize(
    ("function", "check"),
    [
        (lambda: zoo.build("nope", (4,), "real"), True),  # a KeyError
        (lambda: zoo.build("tril_vae", (4,), "real", latent=0), True),  # a ValueError
        (lambda: zoo.load("/nowhere"), True),  # a FileNotFoundError
        (lambda: Config(epochs=0), True),
        (lambda: zoo.build("tril_vae", (4,), "real", part=3), False),  # a TypeError: no command can do this
        (lambda: zoo.objectives.Terms(), False),  # a TypeError of Python's, at a call of our own
        (lambda: zoo.names.nothing, False),
        (lambda: np.zeros(3).reshape(2), False),  # a ValueError of NumPy's
        (lambda: {}["key"], False),
        (lambda: int("three"), False),
    ],
)
def test_checks_of_ours_are_told_from_other_errors(function, check):
    assert is_check(raised_by(function)) == check


BUGS = {
    "a KeyError of Python's": lambda *args: {}["key"],
    "a ValueError of NumPy's": lambda *args: np.zeros(3).reshape(2),
    "a ValueError of Keras's": lambda *args: tf.keras.layers.Dense(-1),
    "a TypeError of Python's": lambda: None,
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
@pytest.mark.parametrize("place", ["training.data.named.digits.train_test_split", "zoo.build", "training.run.data_of"])
def test_a_bug_keeps_its_traceback(tmp_path, monkeypatch, bug, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(place, bug)
    with pytest.raises((KeyError, ValueError, TypeError)):
        main(["--out", "run", "--latent", "2"])
    assert list(tmp_path.iterdir()) == []


def test_with_debugging_a_sentence_has_its_traceback_too(monkeypatch, capsys):
    monkeypatch.setenv("ZOO_DEBUG", "1")
    with pytest.raises(SystemExit, match="error: No model 'nope'"):
        main(["--model", "nope"])
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "raise KeyError" in said
