"""Imports TensorFlow without the lines that its C++ code logs on every start; errors and all else come through."""

import os
import re
import signal
import sys
from contextlib import contextmanager

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# What TensorFlow says of any machine, before it knows that level or whatever it is.
HARMLESS = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    rb"|(I\d{4} |\d{4}-\d\d-\d\d \S+ I ).*"  # information
    rb"|To enable the following instructions: .*"  # the second line of one
    rb"|.*\b(cuDNN|cuFFT|cuBLAS) factory: Attempting to register factory .* already been registered"
    rb"|.*\bcomputation placer already registered\. .*"
    rb"|.*\bfailed call to cuInit: .*(no CUDA-capable device|UNKNOWN ERROR \(303\)).*"  # on a machine without a GPU
)
END = b"\0end\0"  # after which the filter has nothing left to do


def import_tensorflow():
    """Imports TensorFlow, Keras and the zoo, and looks for devices, without the lines that are logged on every start."""
    os.environ.setdefault(LOG_LEVEL, "1")  # warnings and errors
    if "tensorflow" in sys.modules:
        return
    with without_harmless_lines():
        import tensorflow as tf

        import zoo.api  # noqa: F401

        tf.config.list_physical_devices()


@contextmanager
def without_harmless_lines():
    """Filters the lines on stderr, those of C++ code too, while it lasts.

    A process of its own does, so that what is logged last comes through also when this process crashes.
    """
    if sys.stderr is None:  # closed
        yield
        return
    sys.stderr.flush()
    stderr, (reader, writer) = os.dup(2), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        _filter(reader, stderr)
    os.close(reader)
    os.dup2(writer, 2)
    os.close(writer)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.write(2, END)
        os.dup2(stderr, 2)
        os.close(stderr)
        os.waitpid(child, 0)


def _filter(reader, stderr):
    """Is the filter: copies lines that are not harmless until the end, or until there is nobody left to write any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that writes the lines
    rest, ended = b"", False
    try:
        while not ended:
            piece = os.read(reader, 2**16)
            said, end, _ = (rest + piece).partition(END)
            ended = bool(end) or not piece
            *lines, rest = said.split(b"\n")
            lines = [line + b"\n" for line in lines] + [rest] * ended
            os.write(stderr, b"".join(line for line in lines if not HARMLESS.fullmatch(line.rstrip(b"\n"))))
    finally:
        os._exit(0)
