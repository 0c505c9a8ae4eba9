"""What data are: the set their values lie in."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Number

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Support:
    """A set that data lie in, and what follows from it.

    Args:
        name: what users call it.
        values: the set, in words.
        limits: the least and the greatest number in it.
        likelihood: the default likelihood of such data.
        sample: function of a NumPy generator and a shape to a random array in the set.
        discrete: whether only integers are in it, so that a likelihood is a probability and not a density.
        total: what the elements along the last axis sum to; None for anything.
        rescaling: (a, b) such that a x + b suits a network.
        white: what an image's level of 255 is in it; None where levels could be anything.
        has_units: whether data in it come in units of their own, so that they are standardized for networks.
        shows_draws: whether generated examples are shown as draws of p(x|z), not as its mean: of zeros and ones.
    """

    name: str
    values: str
    limits: tuple[float, float]
    likelihood: str
    sample: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
    discrete: bool = False
    total: float | None = None
    rescaling: tuple[float, float] = (1.0, 0.0)
    white: float | None = None
    has_units: bool = False
    shows_draws: bool = False

    def contains(self, x):
        """Returns whether all of an array [N, *x] lies in the set."""
        low, high = self.limits
        if x.min() < low or x.max() > high:
            return False
        integers = not self.discrete or x.dtype.kind in "biu" or np.all(x == np.floor(x))
        return bool(integers and (self.total is None or np.allclose(x.sum(axis=-1), self.total, atol=TOLERANCE)))

    def contains_in_graph(self, x):
        """Returns the same for a tensor, as a bool tensor []: also false where a number is not finite."""
        low, high = self.limits
        holds = tf.reduce_all(tf.math.is_finite(x) & (x >= low) & (x <= high))
        if self.discrete:
            holds &= tf.reduce_all(x == tf.floor(x))
        if self.total is not None:
            holds &= tf.reduce_all(tf.abs(tf.reduce_sum(x, axis=-1) - self.total) <= TOLERANCE)
        return holds


# What `fit` and the like refuse as data, and what makes no array.
NO_ARRAY = (dict, str, bytes, tf.SparseTensor, tf.RaggedTensor, tf.data.Dataset, type(None))
NO_DATA = (dict, str, bytes, tf.SparseTensor, tf.RaggedTensor, type(None), list, tuple, Number, np.generic)
TOLERANCE = 1e-3  # of the sum of a point on the simplex
SUPPORTS = {
    support.name: support
    for support in (
        Support(
            "binary",
            "{0, 1}",
            (0, 1),
            "bernoulli",
            lambda rng, shape: rng.integers(0, 2, shape),
            discrete=True,
            white=1,
            shows_draws=True,
        ),
        Support("unit", "[0, 1]", (0, 1), "continuous_bernoulli", lambda rng, shape: rng.random(shape), white=1),
        Support(
            "real",
            "the real numbers",
            (-np.inf, np.inf),
            "normal",
            lambda rng, shape: rng.normal(size=shape),
            has_units=True,
        ),
        Support(
            "levels",
            "{0, …, 255}",
            (0, 255),
            "discretized_logistic",
            lambda rng, shape: rng.integers(0, 256, shape),
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
            total=1,
        ),
    )
}


def get(name):
    """Returns the support of that name.

    Raises:
        KeyError: no such support; the message lists the known ones.
    """
    if not isinstance(name, str) or name not in SUPPORTS:
        raise KeyError(f"No support '{name}'. Known: {', '.join(SUPPORTS)}.")
    return SUPPORTS[name]


def check(x, support, what="the data"):
    """Checks that data are finite and lie in their support.

    Args:
        x: array of numbers [N, *x].
        support: name of a support.
        what: what to call the data in a message.

    Raises:
        ValueError: `x` is empty, not finite or out of range.
    """
    x = np.asarray(x)
    if x.size == 0:
        raise ValueError(f"Expected at least one example, but {what} are empty, of shape {x.shape}.")
    if x.dtype.kind not in "fiub" and x.dtype != tf.bfloat16.as_numpy_dtype:
        raise ValueError(f"Expected numbers, but {what} are of type {x.dtype}.")
    if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
        bad = int(x.size - np.isfinite(x).sum())
        raise ValueError(f"Expected finite numbers, but {what} have {bad} NaN or infinite values. Remove or fill them.")
    if not get(support).contains(x):
        raise outside(support, f"{what} are in [{x.min():g}, {x.max():g}]")


def check_examples(x, event_shape, support, what="the data"):
    """Checks that an array or tensor holds examples of a shape and a support, or a tf.data stream of a shape.

    Other streams are let through.

    Args:
        x: array [N, *event_shape], or anything else that a model is fitted to.
        event_shape: shape of one example.
        support: name of a support.
        what: what to call the data in a message.

    Raises:
        ValueError: it does not.
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
    """Returns images with an axis of one channel where a model's have it, and without where they have none.

    Args:
        x: array or tensor, of images if its shape is [N, height, width] or [N, height, width, 1].
        event_shape: shape of one of the model's x.

    Returns:
        [N, *event_shape], or x as it is where its shape differs in more than that axis.
    """
    height_width, wanted = tuple(x.shape[1:3]), tuple(event_shape)
    if {tuple(x.shape[1:]), wanted} != {height_width, (*height_width, 1)} or len(height_width) != 2:
        return x
    return x[..., None] if len(wanted) == 3 else x[..., 0]


def as_batch(x, event_shape, dtype):
    """Returns examples as a tensor of a shape and a dtype, in a graph or eagerly.

    Args:
        x: array or tensor [B, *event_shape].
        event_shape: shape of one example.
        dtype: a float dtype.

    Raises:
        ValueError: they are of another shape.
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
    """Returns data as an array, or a tensor as it is.

    Args:
        x: an array, a tensor, or lists of numbers.
        what: what to call the data in a message.

    Raises:
        ValueError: it is none of these.
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
    """Returns the error for what holds no examples."""
    return ValueError(
        f"Expected {what} to be an array or a tensor [B, *x], got {type(x).__name__}. Convert them: np.asarray(x)."
    )


def outside(support, what):
    """Returns the error for data out of their support.

    Args:
        support: its name.
        what: what came, in words.
    """
    return ValueError(
        f"Expected values in {get(support).values} (support '{support}'), but {what}. "
        f"Rescale them, or name another support: {', '.join(SUPPORTS)}."
    )


def wrong_shape(got, event_shape):
    """Returns the error for data of a shape that a model does not take."""
    expected = ", ".join(["B", *map(str, event_shape)])
    return ValueError(
        f"Expected data of shape [{expected}], got {list(got)}. Reshape them, or build the model for their shape."
    )
