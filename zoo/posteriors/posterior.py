"""Posterior, h ↦ q(z|x): the layer that all of them share."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from zoo.layer import DistributionLayer
from zoo.probability import tfd

SMALL = 0.1  # scale of the initial covariance parameters, relative to the locations'


class Posterior(DistributionLayer):
    """q(z|x), its parameters a linear map of the encoder's features h [B, H].

    To write one: make weights in `build`, return from `call` a reparameterized `tfd.Distribution` of batch
    shape [B] and event shape [L]. One that is made of fewer numbers than h has may say so in two steps in place of
    `call`: `params`, h ↦ [B, P], and `distribution`, of what is kept of each training example where
    posteriors of all of them are needed.

    Args:
        event_shape: (L,), the latent size.
    """

    space = "real"  # the support of z
    stratified = False  # whether q(z|x) is a mixture whose components can be drawn one by one, by `sample_strata`
    sequential = False  # whether the density of a point that it did not draw takes L passes
    params_size: int | None = None  # how many numbers the encoder gives for one x, if that can be said

    def call(self, h):
        return self.distribution(self.params(h))

    def params(self, h: tf.Tensor) -> tf.Tensor:
        """Computes the parameters of q(z|x) [..., P] from h [..., H]; h itself, unless a class says otherwise."""
        return h

    def distribution(self, params: tf.Tensor) -> tfd.Distribution:
        """Returns q(z|x) of batch shape [...], for params [..., P]."""
        return self.call(params)

    def parameter_layer(self, h_shape: Sequence[int | None], location_size: int) -> keras.layers.Layer:
        """Builds the parameter layer, h ↦ `params_size` parameters; covariance parameters are initialized near zero.

        Σ(x) then starts near the identity for every x: L Lᵀ of large random numbers is so ill-conditioned that float32
        densities are lost. With small means too, the KL would switch latent dimensions off before they carry
        information.

        Args:
            h_shape: shape of the features [..., H].
            location_size: number of parameters that are locations, the first ones, at the usual scale.

        Returns:
            A built Keras layer.
        """
        assert self.params_size is not None, "a class with a parameter layer says its params_size"
        return self.dense(self.params_size, h_shape, lambda size: np.where(np.arange(size) < location_size, 1.0, SMALL))
