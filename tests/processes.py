"""Training in processes of its own: on one device, on several, in several workers."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
# 13 steps an epoch; evaluated as little as can be.
SMALL = ["--latent", "3", "--network", "mlp(hidden=(16,))", "--warmup", "0", "--no-jit"]
SMALL += ["--samples", "1", "--test-examples", "2", "--generated", "0", "--no-aggregated"]


def start(script, *words, **environment):
    """A process that trains.

    Args:
        script: ["-m", "training.train"], or a path and what it takes first.
        *words: of the command.
        **environment: variables besides those that there are.
    """
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"} | environment
    return subprocess.Popen(
        [sys.executable, *script, *SMALL, *words],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def start_workers(script, *words, of_second=(), count=2):
    """Processes that train together, by TF_CONFIG on loopback; the first is the chief, the second has its own words."""
    workers = [f"localhost:{port}" for port in free_ports(count)]
    return [
        start(
            script,
            *words,
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
    try:
        words, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(process.communicate()[0][-3000:]) from None
    return process.returncode, words


def done(process, seconds=120):
    """The words of a process that ends well."""
    status, words = ended(process, seconds)
    assert status == 0, words[-3000:]
    return words


def wait_for(condition, process, seconds=60):
    """Waits until a condition holds; the process has to live until then."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0][-3000:]
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)
