"""How a command ends where the user's input is wrong, or the user interrupts it."""

import sys
from contextlib import contextmanager


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
