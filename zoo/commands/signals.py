"""Defers SIGINT and SIGTERM to safe points.

An exception out of a signal's handler may be raised in code that swallows it, or in the middle of a file.
"""

import signal
from contextlib import contextmanager

STATUS = {signal.SIGTERM: 0, signal.SIGINT: 130}  # of a process that stops at a safe point and can be resumed

_current: list["Interruption"] = []


class Terminated(KeyboardInterrupt):
    """A SIGTERM that was deferred to a safe point."""


class Interruption:
    """Whether a signal asked the process to end.

    Attributes:
        signal: the signal's number; None before it comes.
    """

    signal = None

    def defer(self, number, frame):
        """Handles a signal: remembers the first one, and ends the process at once on a second."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    @property
    def status(self):
        """The exit status of a process that stops at a safe point and can be resumed."""
        return STATUS.get(self.signal, 0)


@contextmanager
def deferred_signals():
    """Defers SIGTERM and SIGINT (Ctrl-C) while it lasts; a second one does not wait.

    Returns:
        An `Interruption`.
    """
    interruption = Interruption()
    before = {number: signal.signal(number, interruption.defer) for number in STATUS}
    _current.append(interruption)
    try:
        yield interruption
    finally:
        _current.pop()
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_if_interrupted():
    """Ends what is going on if a signal was deferred: a safe point.

    Raises:
        KeyboardInterrupt: it was SIGINT.
        Terminated: it was SIGTERM.
    """
    asked = _current[-1].signal if _current else None
    if asked is not None:
        raise Terminated if asked == signal.SIGTERM else KeyboardInterrupt
