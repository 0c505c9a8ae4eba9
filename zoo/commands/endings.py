"""How a command ends: with a sentence where the user or the machine is the reason, with a traceback where we are."""

import dis
import errno
import os
import sys
import traceback
from contextlib import contextmanager

from zoo.commands.messages import reason
from zoo.commands.signals import Terminated

OURS = ("zoo", "training", "export")
CHECKS = (ValueError, KeyError, OSError, ImportError, FloatingPointError)  # what our checks raise
RAISE = dis.opmap["RAISE_VARARGS"]
DEBUG = "ZOO_DEBUG"  # environment variable; if set, the traceback of a sentence is printed too
FULL = "No space left"


class CommandError(RuntimeError):
    """What a command cannot do, in a sentence for its user."""


@contextmanager
def ended_by_a_sentence(then, explain=lambda error: None):
    """Ends the process with a sentence: with status 1 for an error of the user's, 128 + signal for an interruption.

    A bug keeps its traceback; with ZOO_DEBUG=1 in the environment, an error of the user's has one too.

    Args:
        then: what the sentence says of an interruption, such as "nothing was published".
        explain: function of an error to a sentence, or to None for errors that the command knows nothing of.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal of ASCII has no arrows
    try:
        yield
    except BrokenPipeError:  # whoever reads the output has left, as in "… | head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt as interruption:
        terminated = isinstance(interruption, Terminated)
        print(f"\n{'terminated' if terminated else 'interrupted'}; {then}", file=sys.stderr)
        sys.exit(143 if terminated else 130)
    except Exception as error:
        sentence = explain(error) or sentence_of(error)
        if sentence is None:
            raise
        if os.environ.get(DEBUG, "0") not in ("", "0"):
            traceback.print_exc()
        sys.exit(f"error: {sentence}")


def sentence_of(error):
    """Returns what to tell the user of an error; None of a bug.

    Args:
        error: an exception that was raised.
    """
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return full_disk(error)
    if isinstance(error, OSError) and error.errno is not None:
        return str(error)  # what the operating system says of a file or a connection
    if isinstance(error, CommandError) or is_check(error):
        return error.args[0] if isinstance(error, KeyError) else str(error)
    return None


def is_check(error):
    """Returns whether an error was raised on purpose, by one of this project's checks.

    The checks raise Python's own errors, for they are for users of Python as well as of the commands. A bug raises the
    same ones. What tells them apart is where they come from: a check's comes out of a `raise` statement in a package of
    this project, a bug's out of any other statement, or out of the code of a library.

    Args:
        error: an exception that was raised.
    """
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None or not isinstance(error, CHECKS):
        return False
    package = (place.tb_frame.f_globals.get("__package__") or "").partition(".")[0]
    return package in OURS and place.tb_frame.f_code.co_code[place.tb_lasti] == RAISE


def full_disk(error):
    """Returns the sentence about a disk that is full."""
    return f"a file could not be written ({reason(error)}). Free some space, and run the same command again."
