"""Masked autoregressive networks."""

import keras
import numpy as np
import tensorflow as tf

import zoo.memory as memory
from zoo.checks import check_int

MAX_STEPS = 100  # upper limit of flow steps; more take minutes to build and hours to compile


@keras.saving.register_keras_serializable("zoo")
class MaskedDense(keras.layers.Layer):
    """(W ⊙ mask)ᵀ z + b, maskᵢⱼ = 1 if input i comes no later than output j needs it, else 0.

    Args:
        inputs: order of each input.
        outputs: the last order that each output depends on.
        gain: scale of the initial weights.
    """

    def __init__(self, inputs, outputs, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.inputs, self.outputs, self.gain = np.asarray(inputs), np.asarray(outputs), gain

    def build(self, z_shape):
        shape = (len(self.inputs), len(self.outputs))
        initializer = keras.initializers.VarianceScaling(self.gain**2, "fan_in")
        self.kernel = self.add_weight(shape=shape, initializer=initializer, name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")
        self.mask = np.float32(self.inputs[:, None] <= self.outputs)  # after the weights, whose size is checked
        super().build(z_shape)

    def call(self, z):
        # Flattened to rows, because XLA has no gradient of a tensordot in a loop for a batch of unknown size.
        y = tf.matmul(tf.reshape(z, [-1, self.mask.shape[0]]), self.kernel * tf.cast(self.mask, z.dtype)) + self.bias
        return tf.reshape(y, tf.concat([tf.shape(z)[:-1], [self.mask.shape[1]]], axis=0))

    def get_config(self):
        orders = {"inputs": self.inputs.tolist(), "outputs": self.outputs.tolist()}
        return super().get_config() | orders | {"gain": self.gain}


@keras.saving.register_keras_serializable("zoo")
class MADE(keras.layers.Layer):
    """A masked network whose i-th outputs depend only on the elements of z before the i-th, and on a context.

    Germain et al. (2015, arXiv:1502.03509). Hidden units have degrees 0, …, d − 1 in turn: a unit of degree k depends
    on the first k elements and feeds the outputs of later elements. There are at least d units, so that every output
    can depend on all elements before it.

    Args:
        event_shape: (d,), the size of z.
        outputs: outputs per element of z.
        hidden: number of hidden units; raised to d if it is smaller.
        context: size of the context; 0 for none.
        reverse: whether to reverse the order of the elements; flows alternate it from step to step.
        gain: scale of the initial outputs.
    """

    def __init__(self, event_shape, outputs=2, hidden=64, context=0, reverse=False, gain=0.1, **kwargs):
        super().__init__(**kwargs)
        self.event_shape, self.outputs, self.hidden = tuple(event_shape), outputs, hidden
        self.context, self.reverse, self.gain = context, reverse, gain

    def build(self, z_shape):
        (d,) = self.event_shape
        units = max(self.hidden, d)
        takes = f"the masks of a network with hidden={units:,} to fit into memory, but with their weights they take"
        size = memory.BYTES_PER_FLOAT * memory.FLOATS_PER_PARAMETER * units * d * (1 + self.outputs)
        memory.check(size, takes, "Use fewer hidden units")
        order = np.arange(1, d + 1)[:: -1 if self.reverse else 1]  # order of the elements
        degrees, before = np.arange(units) % d, np.repeat(order - 1, self.outputs)
        self.hidden_layer = MaskedDense(order, degrees, dtype=self.dtype_policy, name="hidden_layer")
        self.output_layer = MaskedDense(degrees, before, gain=self.gain, dtype=self.dtype_policy, name="output_layer")
        self.hidden_layer.build((None, d))
        self.output_layer.build((None, units))
        if self.context:
            options = {"use_bias": False, "dtype": self.dtype_policy, "name": "context_layer"}
            self.context_layer = keras.layers.Dense(units, **options)
            self.context_layer.build((None, self.context))
        super().build(z_shape)

    def call(self, z, context=None):
        """Maps z [..., d] and a context [B, C] that broadcasts to it to `outputs` tensors [..., d]."""
        h = self.hidden_layer(z)
        if context is not None:
            h += self.context_layer(context)
        params = self.output_layer(tf.nn.elu(h))  # [..., d × outputs]
        params = tf.reshape(params, tf.concat([tf.shape(params)[:-1], [*self.event_shape, self.outputs]], axis=0))
        return tf.unstack(params, num=self.outputs, axis=-1)

    def get_config(self):
        names = ("outputs", "hidden", "context", "reverse", "gain")
        return super().get_config() | {"event_shape": list(self.event_shape)} | {n: getattr(self, n) for n in names}


def flow_networks(event_shape, steps, hidden, context, dtype):
    """Builds the networks of a flow's steps, with alternating order of the elements.

    Args:
        event_shape: (d,).
        steps: number of flow steps.
        hidden: hidden units of each network.
        context: size of the context; 0 for none.
        dtype: dtype or dtype policy of the layers.
    """
    made = []
    for i in range(check_int(steps, "steps", below=MAX_STEPS + 1)):
        network = MADE(event_shape, hidden=hidden, context=context, reverse=bool(i % 2), dtype=dtype, name=f"made_{i}")
        network.build((None, *event_shape))
        made.append(network)
    return made
