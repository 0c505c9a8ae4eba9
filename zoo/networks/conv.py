"""Convolutional networks for images of any size."""

from dataclasses import dataclass
from itertools import pairwise

import keras

from zoo.checks import check_int
from zoo.registry import register


@register("network", "conv")
@dataclass(frozen=True)
class Convolutional:
    """An encoder of convolutions with stride 2 and a dense layer, and a decoder with the reverse layers.

    The decoder's h has the height and width of x, so that the likelihood's parameters are a linear map of h at each
    pixel. The encoder rounds odd heights and widths up when halving; the decoder crops them.

    Args:
        filters: channels after each halving of height and width.
        kernel: height and width of the kernels; 4 with stride 2 avoids checkerboard artifacts.
        hidden: size of the encoder's last, dense layer.
        activation: Keras's name of the activation.
    """

    filters: tuple[int, ...] = (32, 64)
    kernel: int = 4
    hidden: int = 256
    activation: str = "relu"

    def __post_init__(self):
        if not isinstance(self.filters, list | tuple) or not self.filters:
            raise ValueError(f"Expected filters= to be a tuple of channel counts, e.g. (32, 64), got {self.filters!r}.")
        object.__setattr__(self, "filters", tuple(check_int(f, "a number of filters") for f in self.filters))
        object.__setattr__(self, "kernel", check_int(self.kernel, "kernel", minimum=2))
        object.__setattr__(self, "hidden", check_int(self.hidden, "hidden"))

    def encoder(self, event_shape):
        """Returns a model from x [B, *event_shape] to h [B, hidden]."""
        options = {"activation": self.activation, "kernel_initializer": "he_normal"}
        layers = [keras.layers.Conv2D(size, self.kernel, strides=2, padding="same", **options) for size in self.filters]
        inputs = [keras.Input(event_shape), keras.layers.Reshape(_image(event_shape))]
        dense = [keras.layers.Flatten(), keras.layers.Dense(self.hidden, **options)]
        return keras.Sequential([*inputs, *layers, *dense], name="encoder")

    def decoder(self, latent, event_shape):
        """Returns a model from z [B, latent] to h [B, height, width, filters[0]], or [B, height, features]."""
        options = {"activation": self.activation, "kernel_initializer": "he_normal"}
        sizes = [_image(event_shape)[:2]]  # height and width after each halving
        for _ in self.filters:
            sizes.append(tuple((size + 1) // 2 for size in sizes[-1]))
        (height, width), channels = sizes[-1], self.filters[-1]
        layers = [
            keras.Input((latent,)),
            keras.layers.Dense(height * width * channels, **options),
            keras.layers.Reshape((height, width, channels)),
        ]
        for (small, large), size in zip(pairwise(sizes[::-1]), (*self.filters[-2::-1], self.filters[0]), strict=True):
            layers.append(keras.layers.Conv2DTranspose(size, self.kernel, strides=2, padding="same", **options))
            layers.append(keras.layers.Cropping2D([(0, 2 * a - b) for a, b in zip(small, large, strict=True)]))
        if len(event_shape) == 2:  # a likelihood of event shape [height, width] takes features [height, C]
            layers.append(keras.layers.Reshape((event_shape[0], -1)))
        return keras.Sequential(layers, name="decoder")


def _image(event_shape):
    """Returns (height, width, channels) of images, with channels = 1 for [height, width]."""
    if len(event_shape) not in (2, 3):
        raise ValueError(
            f"Network 'conv' needs images of [height, width] or [height, width, channels], got {list(event_shape)}. "
            "Use network 'mlp' or 'gated_mlp'."
        )
    return (*event_shape, 1)[:3]
