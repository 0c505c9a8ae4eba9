"""Standardization of data in units of their own, so that networks get inputs of mean 0 and standard deviation 1."""

import keras
import numpy as np

CHUNK_ELEMENTS = 2**20  # elements per chunk


@keras.saving.register_keras_serializable("zoo")
class Standardization(keras.layers.Layer):
    """Standardization x ↦ (x − shift) / scale and its inverse; the identity until `adapt` is called.

    Shift and scale are the mean and standard deviation of the data: per element for vectors, whose elements may
    have different units, and scalars for images. They are non-trainable weights.

    Args:
        event_shape: shape of x.
    """

    def __init__(self, event_shape, **kwargs):
        super().__init__(**kwargs)
        self.event_shape = tuple(event_shape)

    def build(self, x_shape=None):
        shape = self.event_shape if len(self.event_shape) == 1 else ()
        self.shift = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="shift")
        self.scale = self.add_weight(shape=shape, initializer="ones", trainable=False, name="scale")
        super().build(x_shape)

    def call(self, x):
        return (x - self.shift) / self.scale

    def unstandardize(self, x):
        """Maps standardized data back to the units of the data."""
        return self.shift + self.scale * x

    @property
    def adapted(self):
        """Whether `adapt` was called, so that it is not the identity."""
        shift, scale = (weight.numpy() for weight in (self.shift, self.scale))
        return bool(np.any(shift != 0) or np.any(scale != 1))

    def adapt(self, x):
        """Computes shift and scale from data.

        Args:
            x: training data [N, *x], an array or array-like that supports slicing.
        """
        mean, deviation = mean_and_deviation(x)
        self.shift.assign(mean)
        self.scale.assign(np.where(deviation > 0, deviation, 1))

    def get_config(self):
        return super().get_config() | {"event_shape": list(self.event_shape)}


def mean_and_deviation(x):
    """Computes the mean and the standard deviation of data in float64, chunk by chunk.

    Args:
        x: [N, *x], an array or array-like that supports slicing.

    Returns:
        Two arrays, [D] for vectors, [] otherwise.
    """
    count, mean, squares = 0, 0.0, 0.0
    for chunk in chunks(x):
        chunk = np.float64(chunk)
        axis, n = _axis(chunk), len(chunk)
        own = chunk.mean(axis=axis)
        # Merges sums of squares about the means of chunks (Chan et al., 1979).
        squares += np.mean((chunk - own) ** 2, axis=axis) * n + (own - mean) ** 2 * (count * n / (count + n))
        mean += (own - mean) * (n / (count + n))
        count += n
    return np.asarray(mean), np.sqrt(squares / count)


def extremes(x):
    """Computes the minimum and the maximum of data, chunk by chunk.

    Args:
        x: see `mean_and_deviation`.

    Returns:
        Two arrays, [D] for vectors, [] otherwise.
    """
    found = [(chunk.min(axis=_axis(chunk)), chunk.max(axis=_axis(chunk))) for chunk in chunks(x)]
    lows, highs = zip(*found, strict=True)
    return np.float64(np.min(lows, axis=0)), np.float64(np.max(highs, axis=0))


def chunks(x):
    """Yields the rows of data [N, *x] in chunks."""
    rows = max(1, CHUNK_ELEMENTS // int(np.prod(x.shape[1:])))
    for first in range(0, len(x), rows):
        yield x[first : first + rows]


def _axis(x):
    return 0 if x.ndim == 2 else None
