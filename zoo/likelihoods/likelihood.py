"""Likelihood, h ↦ p(x|z): the layer that all of them share."""

import math

import numpy as np
import tensorflow as tf

from zoo.data import support as supports
from zoo.data.standardization import Standardization
from zoo.distributions.affine import AffineTransformed
from zoo.layer import DistributionLayer
from zoo.probability import tfd
from zoo.registry import get, name_of, names


class Likelihood(DistributionLayer):
    """p(x|z), its parameters a linear map of the decoder's features h.

    A dense h [..., H] is mapped to the whole event; a spatial h [..., *event_shape[:-1], C] pointwise.
    To write one: name the supports that fit, say how many numbers an element of x takes, and return from
    `call` a distribution of event shape `event_shape`, made of the tensors that `parameters` gives.

    Args:
        event_shape: shape of x.
    """

    supports: tuple[str, ...] = ()  # names of `zoo.data.support`
    size = 1  # numbers for each element of x

    @property
    def is_density(self) -> bool:
        """Whether p(x|z) is a density of x; of discrete data it is a probability."""
        return not any(supports.get(name).discrete for name in self.supports)

    def build(self, h_shape):
        rank = len(self.event_shape)
        self.spatial = rank > 1 and tuple(h_shape[-rank:-1]) == self.event_shape[:-1]
        elements = self.event_shape[-1] if self.spatial else math.prod(self.event_shape)
        self.params = self.dense(self.size * elements, h_shape)
        super().build(h_shape)

    def standardized(self, x: tf.Tensor) -> tf.Tensor:
        """Standardizes data for the networks; the identity for a likelihood without units.

        Args:
            x: data [..., *x].
        """
        return x

    @property
    def unit(self) -> float | tf.Tensor:
        """What one of these units is in the data's own: a number, or one for each element."""
        return 1.0

    @property
    def adapted(self) -> bool:
        """Whether it needs no `adapt` any more, or never did."""
        return True

    def raw(self, u: tf.Tensor) -> tf.Tensor:
        """Returns standardized data in their own units, the inverse of `standardized`.

        Args:
            u: standardized data [..., *x].
        """
        return u

    def adapt(self, x: np.ndarray) -> None:
        """Learns the units of the training data; nothing, for a likelihood without units.

        Args:
            x: training data [N, *x].
        """

    def parameters(self, h: tf.Tensor) -> list[tf.Tensor]:
        """Computes the parameters of p(x|z): `size` tensors [..., *event_shape]."""
        params = self.params(h)  # [..., size × elements]
        batch_rank = len(params.shape) - (len(self.event_shape) if self.spatial else 1)
        shape = tf.concat([tf.shape(params)[:batch_rank], self.event_shape, [self.size]], axis=0)
        return tf.unstack(tf.reshape(params, shape), num=self.size, axis=-1)


class StandardizedLikelihood(Likelihood):
    """p(x|z) of real numbers in any units: that of (x − shift) / scale, as a density of x.

    To write one: return from `call` what `in_units` makes of a distribution of the standardized x. Its samples, moments
    and densities then are in the units of the data without more ado.

    Args:
        event_shape: shape of x.
    """

    def build(self, h_shape):
        self.units = Standardization(self.event_shape, dtype=self.dtype_policy, name="units")
        self.units.build()
        super().build(h_shape)

    def in_units(self, distribution: tfd.Distribution) -> tfd.Distribution:
        """Returns the distribution of x, given that of the standardized x."""
        return AffineTransformed(distribution, self.units.shift, self.units.scale)

    def standardized(self, x):
        return self.units(x)

    @property
    def unit(self):
        return self.units.scale

    @property
    def adapted(self):
        return self.units.adapted

    def raw(self, u):
        return self.units.raw(u)

    def adapt(self, x):
        self.units.adapt(x)


def check_fit(likelihood, support):
    """Checks that a likelihood is a density of the data's kind.

    Args:
        likelihood: the layer.
        support: the name of the data's support.

    Raises:
        KeyError: no such support.
        ValueError: it is not; the message names those that are.
    """
    values = supports.get(support).values
    if support in likelihood.supports:
        return
    fitting = [repr(name) for name in names("likelihood") if support in get("likelihood", name).supports]
    needed = " or ".join(supports.get(s).values for s in likelihood.supports)
    binarize = support == "unit" and "binary" in likelihood.supports
    raise ValueError(
        f"Likelihood '{name_of(likelihood)}' needs data in {needed}, but these are in {values} (support '{support}'). "
        f"Use likelihood {' or '.join(fitting)}."
        + (" Or binarize the data (in the training script, --binarize dynamic)." if binarize else "")
    )
