"""Likelihood, h ↦ p(x|z): the layer that all of them share."""

import math

import tensorflow as tf

from zoo import support as supports
from zoo.layer import DistributionLayer
from zoo.registry import get, names


class Likelihood(DistributionLayer):
    """p(x|z), its parameters a linear map of the decoder's features h.

    A dense h [..., H] is projected to the whole event; a spatial h [..., *event_shape[:-1], C] is
    projected pointwise. To write one: name the supports that fit in `supports`, make the layer's
    weights in `build` with `project`, and return a distribution of event shape `event_shape`.

    Args:
        event_shape: shape of x.
    """

    supports = ()  # names from `zoo.support`

    def project(self, size, h_shape):
        """A built linear map from h to `size` numbers for each element of x; apply it with `parameters`."""
        if self._is_spatial(h_shape):
            return self.dense(self.event_shape[-1] * size, h_shape)
        return self.dense(math.prod(self.event_shape) * size, h_shape)

    def parameters(self, dense, h):
        """dense(h), split into its tensors of the shape of x: [..., *event_shape] each."""
        flat = dense(h)
        batch = len(h.shape) - (len(self.event_shape) if self._is_spatial(h.shape) else 1)
        size = dense.units // (self.event_shape[-1] if self._is_spatial(h.shape) else math.prod(self.event_shape))
        shape = tf.concat([tf.shape(h)[:batch], self.event_shape, [size]], axis=0)
        params = tf.reshape(flat, shape)
        params.set_shape([*h.shape[:batch], *self.event_shape, size])
        return tf.unstack(params, axis=-1)

    def _is_spatial(self, h_shape):
        rank = len(self.event_shape)
        return rank > 1 and len(h_shape) > rank and tuple(h_shape[-rank:-1]) == self.event_shape[:-1]


def check_fit(likelihood, support):
    """Makes sure that a likelihood is a density of the data's kind.

    Args:
        likelihood: a short name.
        support: the name of the data's support.

    Raises:
        ValueError: it is not; the message names those that are.
    """
    needed = get("likelihood", likelihood).supports
    if support in needed:
        return
    fitting = [name for name in names("likelihood") if support in get("likelihood", name).supports]
    values = " or ".join(supports.get(s).values for s in needed)
    binarise = " Or binarise the data (--binarize dynamic)." if "binary" in needed and support == "unit" else ""
    raise ValueError(
        f"Likelihood '{likelihood}' needs data in {values}, but these are in {supports.get(support).values} "
        f"(support '{support}'). Use likelihood {' or '.join(repr(name) for name in fitting)}.{binarise}"
    )
