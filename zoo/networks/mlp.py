"""Multilayer perceptrons: plain and gated."""

from dataclasses import dataclass

import keras

from zoo.checks import check_int
from zoo.registry import register


@dataclass(frozen=True)
class DenseNetwork:
    """An encoder with dense layers of sizes `hidden`, and a decoder with the same sizes in reverse order.

    To write a subclass: define `layer`.
    """

    hidden: tuple[int, ...] = (300, 300)

    def __post_init__(self):
        if not isinstance(self.hidden, list | tuple) or not self.hidden:
            raise ValueError(f"Expected hidden= to be a tuple of layer sizes, e.g. (300, 300), got {self.hidden!r}.")
        sizes = tuple(check_int(size, "the size of a hidden layer") for size in self.hidden)
        object.__setattr__(self, "hidden", sizes)

    def layer(self, size):
        """Returns a hidden layer with `size` outputs."""
        raise NotImplementedError

    def encoder(self, event_shape):
        """Returns a model from x [B, *event_shape] to h [B, hidden[-1]]."""
        inputs = [keras.Input(event_shape), keras.layers.Flatten()]
        return keras.Sequential([*inputs, *map(self.layer, self.hidden)], name="encoder")

    def decoder(self, latent, event_shape):
        """Returns a model from z [B, latent] to h [B, hidden[0]]."""
        return keras.Sequential([keras.Input((latent,)), *map(self.layer, self.hidden[::-1])], name="decoder")


@register("network", "mlp")
@dataclass(frozen=True)
class MLP(DenseNetwork):
    """Dense layers with an activation.

    Args:
        hidden: sizes of the encoder's layers; the decoder has them in reverse order.
        activation: Keras's name of the activation.
    """

    activation: str = "relu"

    def layer(self, size):
        return keras.layers.Dense(size, activation=self.activation, kernel_initializer="he_normal")


@register("network", "gated_mlp")
@dataclass(frozen=True)
class GatedMLP(DenseNetwork):
    """Gated dense layers, as in the VampPrior's experiments (Tomczak & Welling, 2018, arXiv:1705.07120).

    Args:
        hidden: sizes of the encoder's layers; the decoder has them in reverse order.
    """

    def layer(self, size):
        return GatedDense(size)


@keras.saving.register_keras_serializable("zoo")
class GatedDense(keras.layers.Layer):
    """A gated linear unit, (A h + a) ⊙ sigmoid(B h + b) (Dauphin et al., 2017, arXiv:1612.08083).

    Args:
        units: number of outputs.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, h_shape):
        # One matrix product for A and B.
        self.dense = keras.layers.Dense(2 * self.units, kernel_initializer="he_normal", dtype=self.dtype_policy)
        self.dense.build(h_shape)
        super().build(h_shape)

    def call(self, h):
        linear, gate = keras.ops.split(self.dense(h), 2, axis=-1)
        return linear * keras.ops.sigmoid(gate)

    def compute_output_shape(self, h_shape):
        return (*h_shape[:-1], self.units)

    def get_config(self):
        return super().get_config() | {"units": self.units}
