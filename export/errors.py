"""How the commands of this package end where something is wrong."""

import os
import re
import sys
from contextlib import contextmanager

# Where in its graph and at what operation TensorFlow came upon it.
PLACE = re.compile(r"\[\[\{\{.*?\}\}\]\]|\{\{.*?\}\}|\[Op:\w*\]( name: *)?")
ASSERTION = re.compile(r"assertion failed: \[(.*)\]", re.DOTALL)
ESCAPES = re.compile(r"(\\([0-7]{3}|[nrt'\"]))+")  # of bytes, of which several make a letter


def words(said):
    """Returns in a line what TensorFlow says is wrong, without its escapes and the places in its graph.

    Args:
        said: an error, or its text.
    """
    said = ASSERTION.sub(_asserted, PLACE.sub("", str(said)))
    return " ".join(said.split()).rstrip(". ")


def _asserted(found):
    """The message of an assertion, whose parts stand in brackets and have all but ASCII escaped."""
    return ESCAPES.sub(_unescaped, found[1].replace("] [", " "))


def _unescaped(found):
    return found[0].encode().decode("unicode_escape").encode("latin-1").decode(errors="replace")


class ExportError(RuntimeError):
    """A model is not served as it should be: nothing was published."""


class ServerError(RuntimeError):
    """That a server refused, failed or did not answer, in words on what was asked, of whom, and what to do.

    Args:
        message: the words.
        code: why, as one of gRPC's status codes, such as "UNAVAILABLE".
    """

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


@contextmanager
def ended_by_a_sentence(then="nothing was published"):
    """Ends the process with a sentence: with status 1 where something is wrong, 130 where the user interrupts it.

    Args:
        then: what the sentence on an interruption says.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal of ASCII has no arrows
    try:
        yield
    except BrokenPipeError:  # of what reads the output, as in "… | head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ExportError, ServerError, KeyError, ValueError, OSError) as error:
        sys.exit(f"error: {error.args[0] if isinstance(error, KeyError) else error}")
    except KeyboardInterrupt:
        print(f"\ninterrupted; {then}", file=sys.stderr)
        sys.exit(130)
