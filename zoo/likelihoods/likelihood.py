"""The base class of likelihoods, h ↦ p(x|z)."""

import math

import numpy as np
import tensorflow as tf

from zoo.data import support as supports
from zoo.data.lazy_arrays import LazyArray
from zoo.data.standardization import Standardization
from zoo.distributions.affine import AffineTransformed
from zoo.layer import DistributionLayer
from zoo.probability import tfd
from zoo.registry import get, name_of, names


class Likelihood(DistributionLayer):
    """The base class of likelihoods p(x|z), with parameters that are a linear map of the decoder's features h.

    A flat h [..., H] is mapped to all elements of x at once; a spatial h [..., *event_shape[:-1], C] pixel by pixel.
    To write a subclass: set `supports` and `params_per_element`, and return from `call` a distribution of event shape
    `event_shape` with parameters from `self.parameters(h)`.

    Args:
        event_shape: shape of x.
    """

    supports: tuple[str, ...] = ()  # names of the supports on which this is a density, see `zoo.data.support`
    params_per_element = 1

    @property
    def is_density(self) -> bool:
        """Whether p(x|z) is a density, not the probability mass of discrete data."""
        return not any(supports.get(name).discrete for name in self.supports)

    def build(self, h_shape):
        rank = len(self.event_shape)
        self.spatial = rank > 1 and tuple(h_shape[-rank:-1]) == self.event_shape[:-1]
        elements = self.event_shape[-1] if self.spatial else math.prod(self.event_shape)
        self.params = self.dense(self.params_per_element * elements, h_shape)
        super().build(h_shape)

    def standardize(self, x: tf.Tensor) -> tf.Tensor:
        """Standardizes data for the networks; the identity for a likelihood without units.

        Args:
            x: data [..., *x].
        """
        return x

    @property
    def data_scale(self) -> float | tf.Tensor:
        """Scale of the standardization, in units of the data: a number, or a tensor with one for each element."""
        return 1.0

    @property
    def adapted(self) -> bool:
        """Whether `adapt` was called or is not needed."""
        return True

    def unstandardize(self, u: tf.Tensor) -> tf.Tensor:
        """Maps standardized data back to the units of the data, the inverse of `standardize`.

        Args:
            u: standardized data [..., *x].
        """
        return u

    def adapt(self, x: np.ndarray | LazyArray) -> None:
        """Computes the mean and scale of the training data; does nothing for a likelihood without units.

        Args:
            x: training data [N, *x].
        """

    def start_from(self, old: "Likelihood") -> bool:
        """Sets the weights to those of a trained likelihood of another class, if they mean the same.

        Args:
            old: the trained layer, of the same event shape and features h.

        Returns:
            Whether it did; by default not.
        """
        return False

    def parameters(self, h: tf.Tensor) -> list[tf.Tensor]:
        """Computes the parameters of p(x|z): `params_per_element` tensors [..., *event_shape]."""
        params = self.params(h)  # [..., params_per_element × elements]
        batch_rank = len(params.shape) - (len(self.event_shape) if self.spatial else 1)
        shape = tf.concat([tf.shape(params)[:batch_rank], self.event_shape, [self.params_per_element]], axis=0)
        return tf.unstack(tf.reshape(params, shape), num=self.params_per_element, axis=-1)


class StandardizedLikelihood(Likelihood):
    """The base class of likelihoods of real data in any units: standardizes x by shift and scale.

    To write a subclass: return from `call` `self.in_data_units(px)`, where px is a distribution of the standardized
    x. Samples, moments and densities are then in the units of the data.

    Args:
        event_shape: shape of x.
    """

    def build(self, h_shape):
        self.standardization = Standardization(self.event_shape, dtype=self.dtype_policy, name="standardization")
        self.standardization.build()
        super().build(h_shape)

    def in_data_units(self, distribution: tfd.Distribution) -> tfd.Distribution:
        """Returns the distribution of x, given the distribution of the standardized x."""
        return AffineTransformed(distribution, self.standardization.shift, self.standardization.scale)

    def standardize(self, x):
        return self.standardization(x)

    @property
    def data_scale(self):
        return self.standardization.scale

    @property
    def adapted(self):
        return self.standardization.adapted

    def unstandardize(self, u):
        return self.standardization.unstandardize(u)

    def adapt(self, x):
        self.standardization.adapt(x)


def check_fit(likelihood, support):
    """Checks that a likelihood is a density on the support of the data.

    Args:
        likelihood: the layer.
        support: the name of the data's support.

    Raises:
        KeyError: no such support.
        ValueError: it is not; the message lists the likelihoods that are.
    """
    values = supports.get(support).description
    if support in likelihood.supports:
        return
    fitting = [repr(name) for name in names("likelihood") if support in get("likelihood", name).supports]
    needed = " or ".join(supports.get(s).description for s in likelihood.supports)
    binarize = supports.get(support).binarized in likelihood.supports
    or_support = " or ".join(map(repr, likelihood.supports))
    raise ValueError(
        f"Likelihood '{name_of(likelihood)}' needs data in {needed}, but their support is '{support}', {values}. "
        f"Use likelihood {' or '.join(fitting)}; or support {or_support}, if all values are in it."
        + (" Or binarize the data (in training, --binarize dynamic)." if binarize else "")
    )
