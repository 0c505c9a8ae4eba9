"""Imports TensorFlow without the lines that its C++ code logs on any machine; errors come through."""

import gc
import os
import re
import signal
import sys

from zoo.commands.imports import no_garbage_collection

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
BLAS_THREADS = "OPENBLAS_NUM_THREADS"  # of NumPy and SciPy
# What TensorFlow logs before it reads its level, and errors that are none.
HARMLESS = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    rb"|(I\d{4} |\d{4}-\d\d-\d\d \S+ I ).*"  # information
    rb"|To enable the following instructions: .*"  # the second line of one
    rb"|.*\b(cuDNN|cuFFT|cuBLAS) factory: Attempting to register factory .* already been registered"
    rb"|.*\bcomputation placer already registered\. .*"
    rb"|.*\bfailed call to cuInit: .*(no CUDA-capable device|UNKNOWN ERROR \(303\)).*"  # there is no GPU
    rb"|.*\boneDNN supports \w+ only on platforms with .* Falling back to .*"
)


def import_tensorflow():
    """Imports TensorFlow, Keras and the zoo, and looks for devices; harmless lines are kept off stderr from now on.

    NumPy gets one thread: on matrices as small as ours its threads wait for each other and for TensorFlow's, and take
    ten times as long. Large products are left to TensorFlow.
    """
    os.environ.setdefault(BLAS_THREADS, "1")
    os.environ.setdefault(LOG_LEVEL, "2")  # errors
    if "tensorflow" in sys.modules:
        return
    filter_stderr()
    with no_garbage_collection():
        import tensorflow as tf

        import zoo.api  # noqa: F401
    gc.freeze()  # what is imported stays until the process ends

    tf.config.list_physical_devices()


def filter_stderr():
    """Filters what C++ code writes to stderr, line by line, until the process ends.

    A process of its own filters, so that the last lines come through also where this process crashes. What Python code
    writes, such as progress bars, goes to stderr as before.
    """
    if sys.stderr is None:  # closed
        return
    sys.stderr.flush()
    stderr, (reader, writer) = os.dup(2), os.pipe()
    if os.fork() == 0:
        os.close(writer)
        _filter(reader, stderr)
    os.close(reader)
    os.dup2(writer, 2)
    os.close(writer)
    if sys.stderr is sys.__stderr__:
        sys.stderr = open(stderr, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors)  # noqa: SIM115


def _filter(reader, stderr):
    """Copies lines that are not harmless until nobody is left to write any, and ends the process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for the process that writes the lines
    try:
        rest = b""
        while piece := os.read(reader, 2**16):
            *lines, rest = (rest + piece).split(b"\n")
            os.write(stderr, b"".join(line + b"\n" for line in lines if not HARMLESS.fullmatch(line)))
        os.write(stderr, rest)
    finally:
        os._exit(0)
