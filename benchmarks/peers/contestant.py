"""A contestant of the benchmark: a worker process that does a round of its work when it is told to."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from zoo.commands.xla_flags import set_xla_flags

ROOT = Path(__file__).parents[2]
PYTHONS = {"zoo": sys.executable, "peers": ROOT / ".venv-bench/bin/python"}
LAST_LINES = 15  # of a worker's messages, in an error


@dataclass(frozen=True)
class Contestant:
    """Some work, and the library that does it.

    Args:
        name: unique within a row, such as "torch compiled".
        worker: module in `benchmarks.peers.workers`.
        settings: of the work, as the worker reads them.
        python: "zoo" for the environment of this process, "peers" for that of the other libraries.
    """

    name: str
    worker: str
    settings: dict = field(default_factory=dict)
    python: str = "zoo"


class ContestantFailed(RuntimeError):
    """A worker process that ended, with its last messages."""


class Running:
    """The process of a contestant, prepared and waiting.

    Args:
        contestant: a `Contestant`.
        threads: number of processors that the process may use.

    Attributes:
        ready: what the worker said after its preparation: versions, seconds and memory.

    Raises:
        ContestantFailed: the preparation failed.
    """

    def __init__(self, contestant, threads):
        self.contestant, self.messages = contestant, tempfile.TemporaryFile("w+")  # noqa: SIM115
        processors = sorted(os.sched_getaffinity(0))[:threads]
        environment = os.environ | {"OMP_NUM_THREADS": str(len(processors)), "TF_CPP_MIN_LOG_LEVEL": "3"}
        if contestant.python == "zoo" and contestant.settings.get("work") != "fit":
            set_xla_flags(environment)  # as our commands do; a program that calls `fit` does not
        module = f"benchmarks.peers.workers.{contestant.worker}"
        self.process = subprocess.Popen(
            [PYTHONS[contestant.python], "-m", module, json.dumps(contestant.settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.messages,
            text=True,
            cwd=ROOT,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, processors),
        )
        self.ready = self._answer()

    def run(self):
        """Runs a round.

        Returns:
            A dict with `seconds` per unit, `peak_bytes`, and what else the worker measures.

        Raises:
            ContestantFailed: the process ended.
        """
        with suppress(BrokenPipeError):  # the missing answer is reported with the process's messages
            print("run", file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        status = self.process.wait()
        self.messages.seek(0)
        last = "".join(self.messages.readlines()[-LAST_LINES:])
        raise ContestantFailed(f"'{self.contestant.name}' ended with status {status}:\n{last}")

    def stop(self):
        """Ends the process."""
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.messages.close()
