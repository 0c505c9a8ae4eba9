"""How long served signatures take: `python -m benchmarks.serving served/tril_vae/1`."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from export.checks import c_api

WORKER = "--worker"  # the word by which the process that never imports TensorFlow knows itself


@dataclass(frozen=True)
class Settings:
    """Times each signature of an export in TensorFlow's C++ loader, as on a server, and the same call in Python.

    The two take turns, each in a process of its own.
    """

    version: tyro.conf.Positional[str]
    """Folder of the version."""
    rows: tuple[int, ...] = (1, 64)
    """Rows of a call."""
    calls: int = 100
    """Calls in a round."""
    rounds: int = 5
    """Rounds; each begins with calls that do not count."""


def main():
    """Prints a table: median and 99th percentile of each signature, in milliseconds."""
    settings = tyro.cli(Settings)
    served = InPython(settings.version)
    print(f"{'signature':<20} {'rows':>5} {'C++ p50':>9} {'p99':>8} {'Python p50':>11} {'p99':>8} {'ratio':>6}   (ms)")
    with Worker(settings.version) as worker:
        for name in sorted(served.signatures):
            for rows in settings.rows:
                requests = served.inputs(name, rows)
                both = [], []
                for _ in range(settings.rounds):
                    for way, times in zip((worker, served), both, strict=True):
                        times += way.times(name, requests, settings.calls)
                (c, c99), (p, p99) = (1e3 * np.percentile(times, [50, 99]) for times in both)
                print(f"{name:<20} {rows:>5} {c:>9.2f} {c99:>8.2f} {p:>11.2f} {p99:>8.2f} {c / p:>6.2f}", flush=True)


class InPython:
    """An export as Python's TensorFlow loads it.

    Args:
        version: its folder.
    """

    def __init__(self, version):
        import tensorflow as tf  # not in the worker

        self.tf, self.model = tf, tf.saved_model.load(version)
        self.warm_up = _warm_up(Path(version))
        self.signatures = [name for name in self.model.signatures if name != "serving_default"]

    def inputs(self, name, rows):
        """Returns the inputs of the warm-up request in so many rows: name -> array."""
        return {key: np.repeat(value, rows, axis=0) for key, value in self.warm_up[name].items()}

    def times(self, name, inputs, calls):
        """Seconds that calls took."""
        tensors = {
            key: self.tf.constant(value.tolist() if value.dtype == object else value) for key, value in inputs.items()
        }

        def call():
            return [value.numpy() for value in self.model.signatures[name](**tensors).values()]

        return measured(call, calls)


class Worker:
    """The C++ loader in a process of its own.

    Args:
        version: folder of the SavedModel.
    """

    def __init__(self, version):
        words = [sys.executable, "-m", "benchmarks.serving", WORKER, version]
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )

    def times(self, name, inputs, calls):
        """Seconds that calls took."""
        request = {"name": name, "calls": calls, "inputs": {key: c_api.to_json(v) for key, v in inputs.items()}}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def work(version):
    """Answers with times, line by line."""
    model = c_api.SavedModel(version)
    for line in sys.stdin:
        request = json.loads(line)
        specs = model.signatures[request["name"]].inputs
        inputs = {key: c_api.from_json(value, specs[key].dtype) for key, value in request["inputs"].items()}
        print(json.dumps(measured(lambda: model.run(request["name"], inputs), request["calls"])), flush=True)  # noqa: B023


def measured(call, calls):
    """Seconds of each of some calls, after a tenth of them that do not count."""
    times = []
    for _ in range(calls // 10 + calls):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times[-calls:]


def _warm_up(version):
    """Reads the inputs of each signature's warm-up request: signature -> name -> array of one row."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    from export import warmup

    records = tf.data.TFRecordDataset(str(version / warmup.FILE))
    requests = [prediction_log_pb2.PredictionLog.FromString(r.numpy()).predict_log.request for r in records]
    return {
        request.model_spec.signature_name: {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        for request in requests
    }


if __name__ == "__main__":
    if sys.argv[1:2] == [WORKER]:
        work(sys.argv[2])
    else:
        main()
