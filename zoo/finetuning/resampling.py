"""Trained kernels of dense layers over pixels, resampled for images of another size."""

import keras
import numpy as np
import tensorflow as tf

from zoo.finetuning.networks import within

INPUTS, OUTPUTS = "inputs", "outputs"


def pixels_of_network(network):
    """Returns the kernels over pixels: id of a kernel → (`INPUTS` or `OUTPUTS`, (height, width, channels)).

    These are kernels after a Flatten of images and before a Reshape to images.

    Args:
        network: a Keras model.
    """
    found, before = {}, None
    for layer in within(network):
        if isinstance(before, keras.layers.Flatten) and hasattr(layer, "units"):
            found[id(layer.weights[0])] = INPUTS, _grid(before.input)  # of a gated layer too
        if isinstance(layer, keras.layers.Reshape) and isinstance(before, keras.layers.Dense):
            found[id(before.kernel)] = OUTPUTS, _grid(layer.output)
        before = layer
    return {kernel: pixels for kernel, pixels in found.items() if pixels[1]}


def channels_of_network(network):
    """Returns the ids of the kernels over the channels of images: that of a convolution before all other layers.

    Args:
        network: a Keras model.
    """
    first = next((layer for layer in within(network) if layer.weights), None)
    return {id(first.weights[0])} if isinstance(first, keras.layers.Conv2D) else set()


def over_channels(weights, shapes):
    """Returns the weights of a convolution for images of other channels; None if more than these differ.

    Each channel is seen as the mean of all channels was, so that gray images of any channels give the same outputs.

    Args:
        weights: arrays of the kernel [h, w, c, F] and, if there is one, of the bias.
        shapes: of the new ones.
    """
    kernel, channels = weights[0], shapes[0][-2]
    if kernel.shape[-2] == channels:
        return None
    kernel = np.repeat(kernel.sum(axis=-2, keepdims=True) / channels, channels, axis=-2)
    found = [kernel, *weights[1:]]
    return found if [array.shape for array in found] == [tuple(shape) for shape in shapes] else None


def pixels_of_likelihood(likelihood):
    """Returns the same for the parameter layer of a likelihood.

    Args:
        likelihood: a built layer.
    """
    shape = (*likelihood.event_shape, 1)[:3]
    if len(likelihood.event_shape) not in (2, 3):
        return {}
    height, width, channels = (1, 1, shape[-1]) if likelihood.spatial else shape
    return {id(likelihood.params.kernel): (OUTPUTS, (height, width, channels))}


def resampled(weights, shapes, old, new):
    """Returns the weights of a dense layer for other pixels; None if it is not over pixels, or more than these differ.

    Linear between pixels, with antialiasing. Kernels over inputs are scaled by the number of pixels, so that their
    outputs keep their size, and are shared among the channels; kernels over outputs and biases keep their values.

    Args:
        weights: arrays of the kernel and of the bias.
        shapes: of the new ones.
        old: (`INPUTS` or `OUTPUTS`, (height, width, channels)), or None.
        new: the same of the new layer.
    """
    if old is None or new is None or old[0] != new[0] or old == new:
        return None
    (side, grid), (_, other) = old, new
    if side == INPUTS:
        kernel = weights[0].reshape(*grid, -1)
        kernel = resize(kernel, other) * np.prod(grid) / np.prod(other)
        found = [kernel.reshape(-1, kernel.shape[-1]), *weights[1:]]
    else:
        found = []
        for weight in weights:
            values = np.moveaxis(weight.reshape(-1, *grid, weight.shape[-1] // int(np.prod(grid))), 0, -1)
            values = np.moveaxis(resize(values, other), -1, 0)  # [H or 1, h, w, c, parameters of an element]
            found.append(values.reshape(*weight.shape[:-1], -1))
    return found if [array.shape for array in found] == [tuple(shape) for shape in shapes] else None


def resize(values, grid):
    """Resizes values [h, w, c, ...] to [h', w', c', ...]; other channels get the mean over the channels.

    Args:
        values: an array.
        grid: (h', w', c').
    """
    height, width, channels = grid
    flat = values.reshape(1, *values.shape[:2], -1)
    flat = tf.image.resize(flat, (height, width), method="bilinear", antialias=True).numpy()
    values = flat.reshape(height, width, *values.shape[2:])
    if values.shape[2] != channels:
        values = np.repeat(values.mean(axis=2, keepdims=True), channels, axis=2)
    return values


def resized_images(weight, old_shape, new_shape):
    """Returns images [M, *x] or an image [*x] at another size; None if an array is neither.

    Args:
        weight: an array.
        old_shape: shape of x.
        new_shape: shape of the resized x.
    """
    if len(old_shape) not in (2, 3) or tuple(weight.shape[-len(old_shape) :]) != tuple(old_shape):
        return None
    images = weight.reshape(-1, *(*old_shape, 1)[:3])
    found = np.stack([resize(image, (*new_shape, 1)[:3]) for image in images])
    return found.reshape(*weight.shape[: -len(old_shape)], *new_shape)


def _grid(tensor):
    """Returns (height, width, channels) of a batch of images; None for others."""
    shape = tuple(tensor.shape[1:])
    return (*shape, 1)[:3] if len(shape) in (2, 3) and None not in shape else None
