"""How a command ends where the user's input is wrong, or the user interrupts it."""

import errno
import re
import sys
from contextlib import contextmanager

import tensorflow as tf

NOISE = (
    "File ",
    "Graph execution error",
    "Detected at",
    "[[",
    "Additional GRPC",
    "The error could",
    ":UNKNOWN",
)
FULL = "No space left"
MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)


@contextmanager
def one_sentence_errors():
    """Ends the process with a sentence and status 1 where the user's input is wrong."""
    try:
        with ended_by_memory():
            yield
    except (KeyError, ValueError, TypeError, OSError) as error:
        sys.exit(f"error: {error.args[0] if isinstance(error, KeyError) else error}")


def reason(error):
    """What an error of TensorFlow's is about, in one line of not too many words.

    Args:
        error: any exception.
    """
    lines = [line.strip() for line in re.sub(r"\{\{.*?\}\}|\[Op:.*?\]", "", str(error)).splitlines()]
    said = next((line for line in lines if line and not line.startswith(NOISE)), type(error).__name__)
    return said if len(said) <= 200 else f"… {said[-200:]}"


@contextmanager
def ended_by_memory():
    """Ends the process with a sentence and status 1 where the memory is too small, or TensorFlow finds a disk full."""
    try:
        yield
    except MEMORY as error:
        if FULL in str(error):
            sys.exit(_of_a_full_disk(error))
        sys.exit(
            f"error: there is not enough memory ({reason(error)}). "
            f"Give a smaller --batch-size or --latent, fewer samples or components, or smaller networks."
        )


def _of_a_full_disk(error):
    return f"error: a file could not be written ({reason(error)}). Make room, and give the same command again."


@contextmanager
def on_any_terminal():
    """Prints what a terminal has no letters for, such as ± in one of ASCII, as question marks."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    yield


@contextmanager
def interruptible(then):
    """Ends the process with a sentence where the user interrupts it.

    Args:
        then: what the same command will do, in words.
    """
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(f"\ninterrupted; the same command {then}")


@contextmanager
def ended_by_numbers_or_files():
    """Ends the process with a sentence and status 1 where a training cannot go on, or a file not be read or written."""
    try:
        with ended_by_memory():
            yield
    except (FloatingPointError, OSError) as error:
        sys.exit(_of_a_full_disk(error) if getattr(error, "errno", None) == errno.ENOSPC else f"error: {error}")
    except (tf.errors.NotFoundError, tf.errors.DataLossError) as error:
        sys.exit(
            f"error: the data cannot be read any more ({reason(error)}). "
            f"Put them back, and give the same command again: it goes on from the last checkpoint."
        )


@contextmanager
def ended_by_a_lost_worker():
    """Ends the process with a sentence and status 1 where one of several workers has died, or cannot be reached."""
    try:
        yield
    except LOST as error:
        sys.exit(
            f"error: another worker has ended or cannot be reached ({reason(error)}). "
            f"Give the same command to all workers again: they go on from the last checkpoint."
        )
