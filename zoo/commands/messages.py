"""What an error of TensorFlow's says, without the noise around it."""

import re

MAX_LENGTH = 200  # characters of a reason
# Where in its graph and at what operation TensorFlow came upon the error.
PLACE = re.compile(r"\[\[\{\{.*?\}\}\]\]|\{\{.*?\}\}|\[Op:\w*\]( name: *)?")
# How the lines begin that say where in Python the graph was made, and what a connection was doing.
NOISE = ("File ", "Graph execution error", "Detected at", "[[", "Additional GRPC", "The error could", ":UNKNOWN")
ASSERTION = re.compile(r"assertion failed: \[(.*)\]", re.DOTALL)
ESCAPES = re.compile(r"(\\([0-7]{3}|[nrt'\"]))+")  # of bytes, of which several make a letter


def words(said):
    """Returns in a line what TensorFlow says is wrong, without escapes and places in its graph.

    Args:
        said: an error, or its text.
    """
    said = ASSERTION.sub(_asserted, PLACE.sub("", str(said)))
    lines = (line.strip() for line in said.splitlines())
    return " ".join(" ".join(line for line in lines if not line.startswith(NOISE)).split()).rstrip(". ")


def reason(error):
    """Returns the same in at most 200 characters, the last ones; the error's class where it says nothing.

    Args:
        error: any exception.
    """
    said = words(error) or type(error).__name__
    return said if len(said) <= MAX_LENGTH else f"… {said[-MAX_LENGTH:]}"


def _asserted(found):
    """Returns the message of an assertion, whose parts are in brackets with all but ASCII escaped."""
    return ESCAPES.sub(_unescaped, found[1].replace("] [", " "))


def _unescaped(found):
    return found[0].encode().decode("unicode_escape").encode("latin-1").decode(errors="replace")
