"""Networks: pairs of an encoder x ↦ h and a decoder z ↦ h, both plain Keras models."""

from zoo.networks.conv import Convolutional
from zoo.networks.mlp import MLP, GatedDense, GatedMLP

__all__ = ["MLP", "Convolutional", "GatedDense", "GatedMLP"]
