"""How a command ends where the user's input is wrong, or the user interrupts it."""

import sys
from contextlib import contextmanager

import tensorflow as tf

LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)


@contextmanager
def one_sentence_errors():
    """Ends the process with a sentence and status 1 where the user's input is wrong."""
    try:
        yield
    except (KeyError, ValueError, TypeError, OSError) as error:
        sys.exit(f"error: {error.args[0] if isinstance(error, KeyError) else error}")


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
def ended_by_numbers_or_disks():
    """Ends the process with a sentence and status 1 where a training could not go on, or not write what it has to."""
    try:
        yield
    except (FloatingPointError, OSError) as error:
        sys.exit(f"error: {error}")


@contextmanager
def ended_by_a_lost_worker():
    """Ends the process with a sentence and status 1 where one of several workers has died, or cannot be reached."""
    try:
        yield
    except LOST as error:
        sys.exit(
            f"error: another worker has ended or cannot be reached ({error.message.splitlines()[0]:.200}). "
            f"Give the same command to all workers again: they go on from the last checkpoint."
        )
