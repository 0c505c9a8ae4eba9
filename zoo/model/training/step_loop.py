"""Several training steps in one XLA program, which saves most of what a program costs to start."""

import itertools
import math
import re

import keras
import tensorflow as tf

from zoo.model.training.train_step import Sums

CONVOLUTION = re.compile("Conv[23]d", re.IGNORECASE)  # in the types of their operations, also of their gradients
STACKED = 64 * 2**20  # maximum number of bytes of data in one program
BATCH = 1024  # assumed batch size where it is unknown


def stack_size(steps, event_shape, batch_size=None):
    """Returns how many batches to stack for one program: all if they are small, fewer for large images.

    Args:
        steps: maximum number.
        event_shape: shape of one x.
        batch_size: B; None if it is unknown.
    """
    return max(1, min(steps, STACKED // (4 * (batch_size or BATCH) * math.prod(event_shape))))


def suits_xla(graph):
    """Returns whether XLA makes a step faster on the first device of this process.

    It does not for convolutions on CPUs: a step takes longer than without, and many times as long within a loop, where
    XLA computes convolutions by plain loops.

    Args:
        graph: the `tf.Graph` of the step, with all functions that it calls.
    """
    if any(tf.config.list_logical_devices(kind) for kind in ("GPU", "TPU")):
        return True
    definition = graph.as_graph_def()
    functions = (function.node_def for function in definition.library.function)
    return not any(CONVOLUTION.search(node.op) for node in itertools.chain(definition.node, *functions))


def compile_steps(step, stacked, dtype):
    """Compiles a function that takes steps on the next batches of an iterator.

    Consecutive batches of the same size are stacked to [N, B, *x], and one XLA program takes a step on each of them.
    Steps that XLA would make slower are taken without it, one by one.

    Args:
        step: a function (x [B, *x], sample_weight [B] or None) ↦ `Sums`.
        stacked: N.
        dtype: of the sums.

    Returns:
        A function (iterator, n) ↦ (`Sums` of all steps as a tensor [5], number of steps), to be called in a graph. It
        takes n steps, or fewer if the iterator ends.
    """
    step = tf.autograph.experimental.do_not_convert(step)  # as in Keras; its conversion takes longer than its trace

    @tf.function(jit_compile=True)
    def program(data, n):
        sums, i = tf.zeros(len(Sums._fields), dtype), tf.constant(0)
        while i < n:  # XLA would compile a tf.range(n) for each value of n
            sums += tf.cast(tf.stack(step(*(tf.gather(part, i) for part in data))), dtype)
            i += 1
        return sums

    def take_stacked(iterator, n):
        specs = _parts(iterator.element_spec)
        stack = _empty(specs, stacked)
        sums, taken, held, size = tf.zeros(len(Sums._fields), dtype), 0, 0, 0
        for i in tf.range(n + 1):
            batch = iterator.get_next_as_optional() if i < n else tf.experimental.Optional.empty(iterator.element_spec)
            next_size = tf.shape(_parts(batch.get_value())[0])[0] if batch.has_value() else -1
            if held > 0 and (held == stacked or next_size != size):
                sums += program([part.stack() for part in stack], held)
                stack, held = _empty(specs, stacked), 0
            if batch.has_value():
                data = _parts(batch.get_value())
                stack = [array.write(held, part) for array, part in zip(stack, data, strict=True)]
                taken, held, size = taken + 1, held + 1, next_size
        return sums, taken

    def take_one_by_one(iterator, n):
        sums, taken = tf.zeros(len(Sums._fields), dtype), 0
        for _ in tf.range(n):
            batch = iterator.get_next_as_optional()
            if not batch.has_value():
                break
            sums += tf.cast(tf.stack(step(*_parts(batch.get_value()))), dtype)
            taken += 1
        return sums, taken

    @tf.function
    def take_steps(iterator, n):
        data = [tf.TensorSpec([None, *spec.shape], spec.dtype) for spec in _parts(iterator.element_spec)]
        traced = program.get_concrete_function(data, tf.TensorSpec([], tf.int32))
        return (take_stacked if suits_xla(traced.graph) else take_one_by_one)(iterator, n)

    return take_steps


def _empty(specs, stacked):
    return [tf.TensorArray(spec.dtype, stacked, element_shape=spec.shape) for spec in specs]


def _parts(batch):
    """Returns x and, if there are any, the sample weights of a batch; or the specs of both."""
    x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    return [part for part in (x, sample_weight) if isinstance(part, (tf.Tensor, tf.TensorSpec))]
