"""What a worker process hears and says: after its preparation, a line of JSON for each round that it is told to run."""

import atexit
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path


def serve(prepare):
    """Prepares the work that the command line names as JSON, and runs a round of it for each line on stdin.

    Args:
        prepare: function from the work's settings, a dict, to a function that runs one round and returns a dict with
            `seconds` per unit; and a dict of facts, of which `versions` is one and the number of `parameters` another.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    start, imported = time.perf_counter(), peak_bytes()
    run, facts = prepare(json.loads(sys.argv[1]))
    ready = {"prepared_seconds": time.perf_counter() - start, "imported_bytes": imported}
    print(json.dumps(ready | facts), file=answers)
    for _ in sys.stdin:
        print(json.dumps(run() | {"peak_bytes": peak_bytes()}), file=answers)


def peak_bytes():
    """Returns the peak of this process's resident memory, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def temporary_folder():
    """Returns a new folder, which is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def seconds_of(function, units=1):
    """Returns the seconds that a call takes for each of its units.

    Args:
        function: to be called once.
        units: such as the number of its steps.
    """
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) / units
