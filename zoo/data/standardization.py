"""The units of data: networks are given standardized numbers, whatever the data are measured in."""

import keras
import numpy as np

from zoo.data import support as supports

ROWS = 2**20  # numbers that are looked at once
ODD = 3.0  # standard deviations that a mean, and a factor that a deviation, is off in data that need units


@keras.saving.register_keras_serializable("zoo")
class Standardization(keras.layers.Layer):
    """x ↦ (x − shift) / scale, the standardized x, and back; the identity until it is told of data.

    Shift and scale are the data's mean and standard deviation: those of each element of a vector, whose elements may
    be measured in different units, and one number for an image. They are weights that are not trained.

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

    def raw(self, x):
        """Returns standardized data in their own units."""
        return self.shift + self.scale * x

    @property
    def adapted(self):
        """Whether it was told of data: it is not the identity any more."""
        shift, scale = (weight.numpy() for weight in (self.shift, self.scale))
        return bool(np.any(shift != 0) or np.any(scale != 1))

    def adapt(self, x):
        """Takes the units from data.

        Args:
            x: training data [N, *x], an array or what is sliced as one.
        """
        mean, deviation = mean_and_deviation(x)
        self.shift.assign(mean)
        self.scale.assign(np.where(deviation > 0, deviation, 1))

    def get_config(self):
        return super().get_config() | {"event_shape": list(self.event_shape)}


def unadapted(vae, x):
    """Lists what a model would learn about its training data by `adapt`, and does not know.

    Args:
        vae: a `zoo.VAE`.
        x: the data that it is about to be fitted to [N, *x]; None where they are a stream.

    Returns:
        A list of sentences.
    """
    sentences = []
    if (
        supports.get(vae.support).has_units
        and not vae.likelihood.adapted
        and (x is None or not _are_standardized(np.asarray(x)))
    ):
        sentences += [
            "The model does not know the units of these data, and takes them for numbers about 0 ± 1, which it may "
            "learn badly from: call vae.adapt(x_train) before vae.fit."
        ]
    if not vae.objective.adapted:
        sentences += [
            "The objective does not know how many training examples there are, and takes each batch for all of them: "
            "call vae.adapt(x_train) before vae.fit."
        ]
    return sentences


def _are_standardized(x):
    """Returns whether data [N, *x] are about 0 ± 1, so that their units do not matter."""
    mean, deviation = mean_and_deviation(x)
    return bool(np.all(np.abs(mean) <= ODD) and np.all((deviation >= 1 / ODD) & (deviation <= ODD)))


def mean_and_deviation(x):
    """Computes the mean and the standard deviation of data in float64, a chunk in memory at a time.

    Args:
        x: [N, *x], an array or what is sliced as one.

    Returns:
        Two arrays, [D] for vectors, [] for all else.
    """
    count, mean, squares = 0, 0.0, 0.0
    for chunk in chunks(x):
        chunk = np.float64(chunk)
        axis, n = _axis(chunk), len(chunk)
        own = chunk.mean(axis=axis)
        # Sums of squares about the mean of each part, brought to that of all (Chan et al., 1979).
        squares += np.mean((chunk - own) ** 2, axis=axis) * n + (own - mean) ** 2 * (count * n / (count + n))
        mean += (own - mean) * (n / (count + n))
        count += n
    return np.asarray(mean), np.sqrt(squares / count)


def extremes(x):
    """Computes the least and the greatest values of data, a chunk in memory at a time.

    Args:
        x: see `mean_and_deviation`.

    Returns:
        Two arrays, [D] for vectors, [] for all else.
    """
    found = [(chunk.min(axis=_axis(chunk)), chunk.max(axis=_axis(chunk))) for chunk in chunks(x)]
    lows, highs = zip(*found, strict=True)
    return np.float64(np.min(lows, axis=0)), np.float64(np.max(highs, axis=0))


def chunks(x):
    """Yields the rows of data [N, *x] in chunks."""
    rows = max(1, ROWS // int(np.prod(x.shape[1:])))
    for first in range(0, len(x), rows):
        yield x[first : first + rows]


def _axis(x):
    return 0 if x.ndim == 2 else None
