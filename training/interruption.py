"""Signals that ask a process to end: noted, and heeded where nothing is lost by it."""

import signal
from contextlib import contextmanager

STATUS = {signal.SIGTERM: 0, signal.SIGINT: 130}


class Interruption:
    """Whether the process was asked to end, and by which signal."""

    signal = None

    def note(self, number, frame):
        """Notes a signal; a second one ends the process at once."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    @property
    def status(self):
        """With which status to end."""
        return STATUS.get(self.signal, 0)


@contextmanager
def noted():
    """Notes SIGTERM and SIGINT (Ctrl-C) while it lasts.

    Returns:
        An `Interruption`.
    """
    interruption = Interruption()
    before = {number: signal.signal(number, interruption.note) for number in STATUS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
