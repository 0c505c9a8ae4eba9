"""Ctrl-C and SIGTERM: noted when they come, obeyed where nothing gets lost.

An exception out of a signal's handler may be raised in code that swallows it, and what was to end would go on.
"""

import signal
import sys
from contextlib import contextmanager

_noted = []


@contextmanager
def noted():
    """While it lasts, the first signal of a kind is only noted; a second one does not wait."""

    def note(number, _):
        _noted.append(number)
        signal.signal(number, before[number])

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        _noted.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def obey():
    """Ends what is going on, if a signal was noted.

    Raises:
        KeyboardInterrupt: it was Ctrl-C.
        SystemExit: it was SIGTERM.
    """
    if signal.SIGINT in _noted:
        raise KeyboardInterrupt
    if _noted:
        print("terminated; nothing was published", file=sys.stderr)
        sys.exit(128 + signal.SIGTERM)
