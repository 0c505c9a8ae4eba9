"""Supports: the sets that data lie in, and checks of data against them."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Number

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Support:
    """A set that data lie in, and its properties.

    Args:
        name: short name.
        description: the set, for messages.
        limits: the smallest and the largest value.
        likelihood: name of the default likelihood.
        sample: function from a NumPy generator and a shape to a random array in the set.
        recognizes: function from the shape [N, *x], the NumPy dtype and the largest value of data in the set to whether
            user data are taken for such without `--support`.
        discrete: whether it contains only integers, so that a likelihood is a probability and not a density.
        total: sum of the elements along the last axis; None if there is no such constraint.
        rescaling: (a, b) of the map a x + b before the encoder.
        white: value of an image's level 255; None if there is no fixed one.
        has_units: whether data have units of their own, so that they are standardized for networks.
        shows_draws: whether generated examples are shown as draws of p(x|z) instead of its mean.
        binarized: name of the support of the data after binarization; None if they cannot be binarized.
    """

    name: str
    description: str
    limits: tuple[float, float]
    likelihood: str
    sample: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
    recognizes: Callable[[tuple[int, ...], np.dtype, float], bool] = lambda shape, dtype, highest: False
    discrete: bool = False
    total: float | None = None
    rescaling: tuple[float, float] = (1.0, 0.0)
    white: float | None = None
    has_units: bool = False
    shows_draws: bool = False
    binarized: str | None = None

    @property
    def is_gray_levels(self):
        """Whether the values are levels of an image, 0 to 255."""
        return self.white == 255

    def contains(self, x):
        """Returns whether all values of an array [N, *x] lie in the set."""
        low, high = self.limits
        if x.min() < low or x.max() > high:
            return False
        integers = not self.discrete or x.dtype.kind in "biu" or np.all(x == np.floor(x))
        return bool(integers and (self.total is None or np.allclose(x.sum(axis=-1), self.total, atol=TOLERANCE)))

    def contains_in_graph(self, x):
        """Returns whether all values of a tensor [N, *x] are finite and lie in the set, a bool tensor []."""
        low, high = self.limits
        holds = tf.reduce_all(tf.math.is_finite(x) & (x >= low) & (x <= high))
        if self.discrete:
            holds &= tf.reduce_all(x == tf.floor(x))
        if self.total is not None:
            holds &= tf.reduce_all(tf.abs(tf.reduce_sum(x, axis=-1) - self.total) <= TOLERANCE)
        return holds


# Types that cannot be converted to an array, and types that `fit` and the like reject as data.
NO_ARRAY = (dict, str, bytes, tf.SparseTensor, tf.RaggedTensor, tf.data.Dataset, type(None))
NO_DATA = (dict, str, bytes, tf.SparseTensor, tf.RaggedTensor, type(None), list, tuple, Number, np.generic)
TOLERANCE = 1e-3  # of the sum of the elements of a point on the simplex
# From narrow to wide: user data get the first one that recognizes them.
SUPPORTS = {
    support.name: support
    for support in (
        Support(
            "binary",
            "{0, 1}",
            (0, 1),
            "bernoulli",
            lambda rng, shape: rng.integers(0, 2, shape),
            recognizes=lambda shape, dtype, highest: True,
            discrete=True,
            white=1,
            shows_draws=True,
        ),
        Support(
            "levels",
            "{0, …, 255}",
            (0, 255),
            "discretized_logistic",
            lambda rng, shape: rng.integers(0, 256, shape),
            recognizes=lambda shape, dtype, highest: highest > 1 and (dtype == np.uint8 or len(shape) > 2),
            discrete=True,
            rescaling=(1 / 127.5, -1.0),
            white=255,
        ),
        Support(
            "simplex",
            "the simplex (numbers ≥ 0 that sum to 1)",
            (0, 1 + TOLERANCE),
            "normal",
            lambda rng, shape: rng.dirichlet(np.ones(shape[-1]), shape[:-1]),
            recognizes=lambda shape, dtype, highest: len(shape) == 2 and shape[1] > 1,
            total=1,
        ),
        Support(
            "unit",
            "[0, 1]",
            (0, 1),
            "continuous_bernoulli",
            lambda rng, shape: rng.random(shape),
            recognizes=lambda shape, dtype, highest: True,
            white=1,
            binarized="binary",
        ),
        Support(
            "real",
            "the real numbers",
            (-np.inf, np.inf),
            "normal",
            lambda rng, shape: rng.normal(size=shape),
            recognizes=lambda shape, dtype, highest: True,
            has_units=True,
        ),
    )
}


def get(name):
    """Returns a support by name.

    Raises:
        KeyError: no such support; the message lists the known ones.
    """
    if not isinstance(name, str) or name not in SUPPORTS:
        raise KeyError(f"No support '{name}'. Known: {', '.join(SUPPORTS)}.")
    return SUPPORTS[name]


def before_binarization(support):
    """Returns the name of the support that binarization maps to a support; None if there is none.

    Args:
        support: name of a support.
    """
    return next((other.name for other in SUPPORTS.values() if other.binarized == support), None)


def check(x, support, what="the data"):
    """Checks that data are finite and lie in their support.

    Args:
        x: array of numbers [N, *x].
        support: name of a support.
        what: name of the data in messages.

    Raises:
        ValueError: `x` is empty, not finite or outside of the support.
    """
    x = np.asarray(x)
    if x.size == 0:
        raise ValueError(f"Expected at least one example, but {what} are empty, of shape {x.shape}.")
    if x.dtype.kind not in "fiub" and x.dtype != tf.bfloat16.as_numpy_dtype:
        raise ValueError(f"Expected numbers, but {what} are of type {x.dtype}.")
    if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
        bad = int(x.size - np.isfinite(x).sum())
        raise ValueError(f"Expected finite numbers, but {what} have {bad} NaN or Inf values. Remove or fill them.")
    if not get(support).contains(x):
        raise outside(support, f"{what} are in [{x.min():g}, {x.max():g}]")


def check_examples(x, event_shape, support, what="the data"):
    """Checks the shape and support of examples in an array or tensor, or the shape of those in a tf.data stream.

    Other streams, such as generators, are not checked.

    Args:
        x: array [N, *event_shape], or anything else that Keras's `fit` accepts.
        event_shape: shape of one example.
        support: name of a support.
        what: name of the data in messages.

    Raises:
        ValueError: `x` has another type, shape or support.
    """
    if isinstance(x, NO_DATA):
        raise no_examples(x, what)
    if isinstance(x, tf.data.Dataset):
        _check_stream(x, event_shape, what)
    if tf.is_tensor(x):
        x = x.numpy()
    if isinstance(x, np.ndarray):
        x = with_channels_as(x, event_shape)
        if x.shape[1:] != tuple(event_shape):
            raise wrong_shape(x.shape, event_shape)
        check(x, support, what)


def with_channels_as(x, event_shape):
    """Adds or removes the channel axis of images with one channel, to match a model's event shape.

    Args:
        x: array or tensor, [N, height, width] or [N, height, width, 1] for images.
        event_shape: shape of one of the model's x.

    Returns:
        [N, *event_shape]; x unchanged if its shape differs in more than the channel axis.
    """
    height_width, wanted = tuple(x.shape[1:3]), tuple(event_shape)
    if {tuple(x.shape[1:]), wanted} != {height_width, (*height_width, 1)} or len(height_width) != 2:
        return x
    return x[..., None] if len(wanted) == 3 else x[..., 0]


def as_batch(x, event_shape, dtype):
    """Casts examples to a dtype and checks their shape, in a graph or eagerly.

    Args:
        x: array or tensor [B, *event_shape].
        event_shape: shape of one example.
        dtype: a float dtype.

    Raises:
        ValueError: they have another shape.
    """
    x = tf.cast(x, dtype)
    if x.shape.rank is None:
        return tf.ensure_shape(x, [None, *event_shape])
    x = with_channels_as(x, event_shape)
    if x.shape[1:].as_list() != list(event_shape):
        raise wrong_shape(x.shape.as_list(), event_shape)
    return x


def _check_stream(stream, event_shape, what):
    if stream.cardinality() == 0:
        raise ValueError(f"Expected at least one batch, but {what} are an empty stream.")
    x = stream.element_spec[0] if isinstance(stream.element_spec, tuple) else stream.element_spec
    if not isinstance(x, tf.TensorSpec):
        raise ValueError(f"Expected {what} to be a stream of tensors, or of tuples (x, labels), got one of {x}.")
    if not (x.dtype.is_floating or x.dtype.is_integer or x.dtype.is_bool):
        raise ValueError(f"Expected numbers, but {what} are a stream of {x.dtype.name}.")
    shapes = [event_shape, *([(*event_shape, 1)] if len(event_shape) == 2 else [])]
    shapes += [event_shape[:2]] if len(event_shape) == 3 and event_shape[2] == 1 else []
    if not any(x.shape.is_compatible_with([None, *shape]) for shape in shapes):
        raise wrong_shape(x.shape, event_shape)


def as_examples(x, what="the data"):
    """Converts data to a NumPy array; tensors are returned unchanged.

    Args:
        x: an array, a tensor, or nested lists of numbers.
        what: name of the data in messages.

    Raises:
        ValueError: `x` is none of these.
    """
    if isinstance(x, tf.Tensor | tf.Variable):
        return x
    try:
        array = None if isinstance(x, NO_ARRAY) else np.asarray(x)
    except (TypeError, ValueError):
        array = None
    if array is None or array.dtype == object:
        raise no_examples(x, what)
    return array


def no_examples(x, what):
    """Returns the error for data of an unsupported type."""
    return ValueError(
        f"Expected {what} to be an array or a tensor [B, *x], got {type(x).__name__}. Convert with np.asarray(x)."
    )


def outside(support, what):
    """Returns the error for data outside of their support.

    Args:
        support: name of the support.
        what: clause that describes the data, e.g. "the data are in [0, 7]".
    """
    return ValueError(
        f"Expected values in {get(support).description} (support '{support}'), but {what}. "
        f"Rescale them, or use another support: {', '.join(SUPPORTS)}."
    )


def wrong_shape(got, event_shape):
    """Returns the error for data whose shape is not the model's."""
    expected = ", ".join(["B", *map(str, event_shape)])
    return ValueError(
        f"Expected data of shape [{expected}], got {list(got)}. Reshape the data, or build the model with their shape."
    )
