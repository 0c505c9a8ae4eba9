"""The served signature `score`, in TensorFlow's C++ loader as on a server, in Python, and as `vae.score`."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

import zoo
from benchmarks import serving
from benchmarks.peers.workers.protocol import seconds_of, serve, temporary_folder
from benchmarks.peers.workers.task import Task, images
from export.saved_model import export

CALLS = 20  # in a round


def prepare(settings):
    """Exports a model and prepares calls of its `score`.

    Args:
        settings: `work`: served, signature or score; `rows` of a call; `draws`.
    """
    works = {"served": served, "signature": signature, "score": score}
    task, rows = Task.of(settings), settings["rows"]
    vae = zoo.build("diag_vae", (task.pixels,), "binary", latent=task.latent, network="mlp(hidden=(300, 300))")
    x = np.float32(images(rows, task.pixels))
    return works[settings["work"]](vae, x, settings), {"versions": {"tensorflow": tf.__version__}}


def score(vae, x, settings):
    """Returns a function that calls `vae.score`; seconds a call."""

    def run():
        for _ in range(CALLS):
            vae.score(x, settings["draws"])

    run()
    return lambda: {"seconds": seconds_of(run, CALLS)}


def served(vae, x, settings):
    """Returns a function that calls the signature in the C++ loader."""
    version, inputs = exported(vae, x, settings)
    return timed(serving.Worker(str(version)), inputs)


def signature(vae, x, settings):
    """Returns a function that calls the signature of the SavedModel that Python loads."""
    version, inputs = exported(vae, x, settings)
    return timed(serving.InPython(str(version)), inputs)


def exported(vae, x, settings):
    """Exports a model; returns the folder of the version, and the inputs of `score`."""
    version = export(vae, temporary_folder(), samples=settings["draws"], progress=False)
    return version, {"x": x, "seed": np.stack([np.zeros(len(x)), np.arange(len(x))], axis=1).astype(np.int32)}


def timed(way, inputs):
    """Returns a function that calls `score` one way; seconds a call."""

    def run():
        times = way.times("score", inputs, CALLS)
        return {"seconds": float(np.median(times))}

    run()
    return run


if __name__ == "__main__":
    serve(prepare)
