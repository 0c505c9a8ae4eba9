"""How an export ends where something is wrong."""

import sys
from contextlib import contextmanager


class ExportError(RuntimeError):
    """A model is not served as it should be: nothing was published."""


@contextmanager
def ended_by_a_sentence():
    """Ends the process with a sentence and status 1, or 130 where the user interrupts it."""
    try:
        yield
    except (ExportError, KeyError, ValueError, TypeError, OSError) as error:
        sys.exit(f"error: {error.args[0] if isinstance(error, KeyError) else error}")
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was published", file=sys.stderr)
        sys.exit(130)
