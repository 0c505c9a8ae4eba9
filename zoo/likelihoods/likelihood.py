"""Likelihood, h ↦ p(x|z): the layer that all of them share."""

import math

import tensorflow as tf

from zoo import support as supports
from zoo.layer import DistributionLayer
from zoo.registry import get, names


class Likelihood(DistributionLayer):
    """p(x|z), its parameters a linear map of the decoder's features h.

    A dense h [..., H] is mapped to the whole event; a spatial h [..., *event_shape[:-1], C] pointwise.
    To write one: name the supports that fit, say how many numbers an element of x takes, and return from
    `call` a distribution of event shape `event_shape`, made of the tensors that `parameters` gives.

    Args:
        event_shape: shape of x.
    """

    supports = ()  # names of `zoo.support`
    size = 1  # numbers for each element of x

    def build(self, h_shape):
        rank = len(self.event_shape)
        self.spatial = rank > 1 and tuple(h_shape[-rank:-1]) == self.event_shape[:-1]
        elements = self.event_shape[-1] if self.spatial else math.prod(self.event_shape)
        self.params = self.dense(self.size * elements, h_shape)
        super().build(h_shape)

    def parameters(self, h):
        """The parameters of p(x|z): `size` tensors [..., *event_shape]."""
        params = self.params(h)  # [..., size × elements]
        batch_rank = len(params.shape) - (len(self.event_shape) if self.spatial else 1)
        shape = tf.concat([tf.shape(params)[:batch_rank], self.event_shape, [self.size]], axis=0)
        return tf.unstack(tf.reshape(params, shape), num=self.size, axis=-1)


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
