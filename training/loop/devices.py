"""Devices of a run: the strategies of `tf.distribute`, and what a training loop needs of them."""

import itertools
import json
import os

import tensorflow as tf

from zoo.commands.messages import reason

EXAMPLE = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'


def strategy(name="auto"):
    """Makes a strategy by name, before TensorFlow does anything else.

    Args:
        name: "one_device": the first GPU, else the CPU; "mirrored": all GPUs of this machine, else all logical
            CPU devices; "multi_worker": the machines in the environment variable TF_CONFIG; "tpu": the TPU in the
            environment variable TPU_NAME, or of this machine; "auto": several workers if TF_CONFIG names them, else
            a TPU if there is one, else all GPUs, else one device.

    Returns:
        A `tf.distribute.Strategy`.

    Raises:
        ValueError: there is no such device, or TF_CONFIG is invalid.
    """
    if name == "auto":
        name = _best()
    return {"one_device": _one_device, "mirrored": _mirrored, "multi_worker": _multi_worker, "tpu": _tpu}[name]()


def _best():
    if len(_workers()) > 1:
        return "multi_worker"
    if os.environ.get("TPU_NAME") or tf.config.list_physical_devices("TPU"):
        return "tpu"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "one_device"


def _one_device():
    return tf.distribute.get_strategy()  # TensorFlow's own: all on the first GPU, or on the CPU


def _mirrored():
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multi_worker():
    if not _workers():
        raise ValueError(
            "Expected the environment variable TF_CONFIG to name the workers for --strategy multi_worker, "
            f"e.g. {EXAMPLE}."
        )
    print(f"waiting for all of {', '.join(_workers())}", flush=True)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, tf.errors.OpError) as error:
        raise ValueError(
            f"The workers {', '.join(_workers())} in TF_CONFIG could not connect "
            f"({reason(error)}). Start each of them, with its own task."
        ) from error


def _tpu():
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(os.environ.get("TPU_NAME", "local"))
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, ImportError, tf.errors.OpError) as error:
        raise ValueError(
            f"No TPU answers ({type(error).__name__}). On a Cloud TPU VM, with TensorFlow for TPUs installed, "
            f"set TPU_NAME=local; or choose another --strategy."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def _workers():
    """Returns the addresses in TF_CONFIG, that of the chief first; none without it."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        return []
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        jobs = {job: cluster[job] for job in ("chief", "worker") if job in cluster}
        known = set(cluster) <= {"chief", "worker", "evaluator"} and all(isinstance(j, list) for j in jobs.values())
        if not known or not cluster[task["type"]][int(task["index"])]:
            raise ValueError("a cluster has a list of chief or worker, and the task is one of them")
        return list(itertools.chain(*jobs.values()))
    except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise ValueError(
            f"Cannot parse the environment variable TF_CONFIG, {text!r:.200} "
            f"({type(error).__name__}: {error}). Expected e.g. {EXAMPLE}."
        ) from error


class Devices:
    """A strategy, as a training loop uses it.

    Args:
        strategy: a `tf.distribute.Strategy`.
        jit: whether to compile with XLA if the devices can.
    """

    def __init__(self, strategy, jit=True):
        self.strategy = strategy
        self.replicas = strategy.num_replicas_in_sync
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self.workers = len(_workers()) if several else 1
        self.is_chief = not several or _is_chief(strategy.cluster_resolver)
        # XLA cannot compile collectives of CPU devices; on a TPU everything is compiled.
        together = self.replicas == 1 or all("GPU" in device for device in strategy.extended.worker_devices)
        self.jit = jit and together and not isinstance(strategy, tf.distribute.TPUStrategy)

    def distribute(self, batches):
        """Returns an iterator over batches, each replica's on its device.

        Args:
            batches: a function of `replicas`, `workers` and `worker` to an infinite tf.data.Dataset.
        """
        return iter(
            self.strategy.distribute_datasets_from_function(
                lambda context: batches(
                    replicas=self.replicas, workers=context.num_input_pipelines, worker=context.input_pipeline_id
                )
            )
        )

    def total(self, number):
        """Returns the sum of a number over the workers; all have to call it, and wait for each other.

        Args:
            number: an integer.
        """
        if self.workers == 1:
            return number
        each = tf.constant(number, tf.int64)
        on_replicas = tf.function(lambda: self.strategy.reduce("SUM", self.strategy.run(lambda: each), axis=None))
        return int(on_replicas()) // (self.replicas // self.workers)

    def anywhere(self, flag):
        """Returns whether a flag is set on any worker; all have to call it, within a graph.

        Args:
            flag: bool tensor [].
        """
        if self.workers == 1:
            return flag
        return self.strategy.reduce("SUM", self.strategy.run(lambda: tf.cast(flag, tf.int32)), axis=None) > 0

    def agree(self, number, what):
        """Checks that all workers have the same number.

        Args:
            number: an integer.
            what: what it stands for, in words.

        Raises:
            ValueError: they have different ones.
        """
        if self.total(number) != number * self.workers:
            raise ValueError(
                f"The {self.workers} workers do not agree on {what}. "
                f"Start all with the same command, in a folder that they share."
            )

    def __str__(self):
        tpu = isinstance(self.strategy, tf.distribute.TPUStrategy)
        kind = "TPU" if tpu else "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        devices = f"{self.replicas} {kind}" + ("s" if self.replicas > 1 else "")
        return devices + (f" on {self.workers} workers" if self.workers > 1 else "")


def _is_chief(resolver):
    """Returns whether this process writes: the chief, or the first worker if there is none."""
    return resolver.task_type == "chief" or (resolver.task_id == 0 and "chief" not in resolver.cluster_spec().jobs)
