"""Adaptation of a model to its training data: `VAE.adapt`, and warnings about models that lack it."""

import numpy as np

from zoo.data import support as supports
from zoo.data.lazy_arrays import LazyArray
from zoo.data.standardization import mean_and_deviation

STANDARDIZED_RANGE = 3.0  # data need standardization if |mean| > 3, or if the standard deviation is not in [1/3, 3]


def adapt(vae, x):
    """Initializes the data-dependent parts of a model.

    Args:
        vae: a `zoo.VAE`.
        x: see `VAE.adapt`.

    Raises:
        ValueError: `x` has another shape than the model's, or is not finite.
    """
    if not isinstance(x, LazyArray):  # a lazy array may be larger than memory
        x = supports.with_channels_as(np.asarray(supports.as_examples(x)), vae.event_shape)
    if x.shape[1:] != vae.event_shape:
        raise supports.wrong_shape(x.shape, vae.event_shape)
    supports.check_examples(x, vae.event_shape, "real")
    if supports.get(vae.support).has_units:
        vae.likelihood.adapt(x)
    vae.prior.adapt(x)
    vae.objective.adapt(x)


def unadapted(vae, x):
    """Returns warnings about parts that need `adapt` but were not adapted to the training data.

    Args:
        vae: a `zoo.VAE`.
        x: training data [N, *x]; None for a stream.

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
            "The model does not know the mean and scale of these data and treats them as 0 ± 1, which may train "
            "badly: call vae.adapt(x_train) before vae.fit."
        ]
    if not vae.objective.adapted:
        sentences += [
            "The objective does not know the number of training examples N and uses the batch size in its place: "
            "call vae.adapt(x_train) before vae.fit."
        ]
    return sentences


def _are_standardized(x):
    """Returns whether data [N, *x] are about 0 ± 1, so that they need no standardization."""
    mean, deviation = mean_and_deviation(x)
    return bool(
        np.all(np.abs(mean) <= STANDARDIZED_RANGE)
        and np.all((deviation >= 1 / STANDARDIZED_RANGE) & (deviation <= STANDARDIZED_RANGE))
    )
