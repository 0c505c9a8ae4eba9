"""How commands end where something is wrong: with a sentence that says what."""

import io

import pytest
import tensorflow as tf

from training import errors

LOST = """Graph execution error:

Detected at node while/CollectiveReduceV2 defined at (most recent call last):
  File "fit.py", line 238, in take_steps

Collective ops is aborted by: recvmsg:Connection reset by peer
Additional GRPC error information from remote target /job:worker/replica:0/task:1 while calling RecvBuf:
:UNKNOWN:Error received from peer  {grpc_status:14}
The error could be from a previous operation. Restart your program to reset.
\t [[{{node while/CollectiveReduceV2}}]] [Op:__inference_take_steps_2790]"""
FULL = "{{function_node __wrapped__SaveV2_42_device_/job:localhost}} part-0; No space left on device [Op:SaveV2]"


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
    assert errors.reason(OSError(message)) == said


def ends(context, error):
    """The sentence that a context makes of an error."""
    with pytest.raises(SystemExit) as end, context:
        raise error
    return end.value.code


def test_a_lost_worker():
    sentence = ends(errors.ended_by_a_lost_worker(), tf.errors.UnavailableError(None, None, LOST))
    assert sentence.startswith("error: another worker has ended or cannot be reached (Collective ops is aborted by")
    assert sentence.endswith("they go on from the last checkpoint.")


@pytest.mark.parametrize("error", [FloatingPointError("not finite"), OSError(13, "Permission denied")])
def test_numbers_and_disks(error):
    assert ends(errors.ended_by_numbers_or_files(), error) == f"error: {error}"


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), tf.errors.ResourceExhaustedError(None, None, FULL)]
)
def test_full_disks(error):
    sentence = ends(errors.ended_by_numbers_or_files(), error)
    assert "No space left on device" in sentence
    assert sentence.endswith("Make room, and give the same command again.")


@pytest.mark.parametrize("context", [errors.one_sentence_errors, errors.ended_by_numbers_or_files])
@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 37.3 GiB for an array"),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor [Op:Mul]"),
    ],
)
def test_memory_that_is_too_small(error, context):
    sentence = ends(context(), error)
    assert sentence.startswith(f"error: there is not enough memory ({str(error).split(' [Op')[0]}")
    assert "--batch-size" in sentence


def test_terminals_without_letters_get_question_marks(monkeypatch):
    ascii_terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", ascii_terminal)
    with errors.on_any_terminal():
        print("-22.43 ± 0.25")
    ascii_terminal.flush()
    assert ascii_terminal.buffer.getvalue() == b"-22.43 ? 0.25\n"


def test_data_that_are_gone():
    sentence = ends(errors.ended_by_numbers_or_files(), tf.errors.NotFoundError(None, None, "a.png; No such file"))
    assert sentence.startswith("error: the data cannot be read any more (a.png; No such file).")


def test_what_is_nobody_s_fault_but_ours_keeps_its_traceback():
    for context in (errors.ended_by_a_lost_worker(), errors.ended_by_numbers_or_files()):
        with pytest.raises(ValueError, match="bug"), context:
            raise ValueError("bug")
