"""Training in processes of its own: on one device, on several, in several workers."""

import ctypes
import json
import multiprocessing
import os
import socket
import sys
import tempfile
import time
import traceback

from tests import ROOT
from training import run, train

# 13 steps an epoch; evaluated as little as can be.
SMALL = ["--latent", "3", "--network", "mlp(hidden=(16,))", "--warmup", "0", "--no-jit"]
SMALL += ["--samples", "1", "--test-examples", "2", "--generated", "0", "--no-aggregated"]

# Forks of a process that has imported TensorFlow, and done no more: the import takes longer than most of what they do.
FORKS = multiprocessing.get_context("forkserver")
if sys.platform == "linux":  # a fork of one that has loaded macOS's own libraries may crash: there each imports it
    FORKS.set_forkserver_preload(["training.run"])


def start(function, *args, **environment):
    """A process that calls a function, and ends as Python does after it.

    Args:
        function: of a module, which is imported by its name there.
        *args: the function's.
        **environment: variables besides those that there are.
    """
    said = tempfile.NamedTemporaryFile("r")  # noqa: SIM115  # as long as the process is looked at
    process = FORKS.Process(target=_run, args=(function, args, environment, said.name), daemon=True)
    process.start()
    process.said = said
    return process


def _run(function, args, environment, said):
    """Is the process."""
    os.chdir(ROOT)
    os.environ.update(environment)
    file = os.open(said, os.O_WRONLY)
    os.dup2(file, 1), os.dup2(file, 2)
    status = 0
    try:
        function(*args)
    except SystemExit as end:
        status = end.code or 0
        if isinstance(status, str):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    ctypes.pythonapi.Py_Exit(status)  # with all that Python does at its end, and a fork does not


def words_of(process):
    """What a process has said."""
    process.said.seek(0)
    return process.said.read()


def train_only(*words):
    """The training command without the evaluation."""
    run.evaluate_run = lambda *of_run: None
    train.main(words)


def start_workers(function, *args, of_second=(), count=2):
    """Processes that train together, by TF_CONFIG on loopback; the first is the chief, the second has its own words."""
    workers = [f"localhost:{port}" for port in free_ports(count)]
    return [
        start(
            function,
            *args,
            *(of_second if i == 1 else ()),
            TF_CONFIG=json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}}),
        )
        for i in range(count)
    ]


def free_ports(count):
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("localhost", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def ended(process, seconds=120):
    """The status and the words of a process that ends within some time, or is killed."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        raise AssertionError(words_of(process)[-3000:])
    return process.exitcode, words_of(process)


def done(process, seconds=120):
    """The words of a process that ends well."""
    status, words = ended(process, seconds)
    assert status == 0, words[-3000:]
    return words


def wait_for(condition, process, seconds=60):
    """Waits until a condition holds; the process has to live until then."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.is_alive(), words_of(process)[-3000:]
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)
