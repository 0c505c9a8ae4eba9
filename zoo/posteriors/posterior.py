"""The base class of posteriors, h ↦ q(z|x)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import zoo.parameterizations as parameterizations
from zoo.layer import DistributionLayer
from zoo.probability import tfd

COVARIANCE_GAIN = 0.1  # initial scale of covariance parameters, relative to location parameters


class Posterior(DistributionLayer):
    """The base class of posteriors q(z|x), layers on the encoder's features h [B, H].

    To write a subclass: create weights in `build`, and return from `call` a reparameterized `tfd.Distribution` of batch
    shape [B] and event shape [L]. Instead of `call`, a subclass can define `params`, h ↦ params [B, P], and
    `distribution`, params ↦ q(z|x). The aggregated posterior then stores P numbers per training example instead of
    the H of h.

    Args:
        event_shape: (L,), the latent size.
    """

    support = "real"  # the support of z
    has_strata = False  # whether q(z|x) has `sample_strata`, which samples every component of a mixture
    density_is_sequential = False  # whether the density of a given point takes L network passes
    params_size: int | None = None  # P, the number of parameters of q(z|x) for one x; None if unknown

    def call(self, h):
        return self.distribution(self.params(h))

    def params(self, h: tf.Tensor) -> tf.Tensor:
        """Computes the parameters of q(z|x) [..., P] from h [..., H]; by default returns h."""
        return h

    def distribution(self, params: tf.Tensor) -> tfd.Distribution:
        """Returns q(z|x) of batch shape [...], for params [..., P]."""
        return self.call(params)

    def from_diagonal(self) -> parameterizations.FromDiagonal | None:
        """Returns the map from the parameters of a diagonal posterior to those of the same q(z|x) in this family.

        For posteriors whose `params` is a parameter layer. None if there is no such map.
        """
        return None

    def start_from(self, old: "Posterior") -> bool:
        """Sets the weights such that q(z|x) is that of a trained posterior of another family, if this one can.

        Args:
            old: the trained layer, of the same event shape and the same features h.

        Returns:
            Whether it can: by default, if `old` is diagonal and this posterior has `from_diagonal`.
        """
        start = self.from_diagonal() if getattr(old, "family", None) == parameterizations.Diag() else None
        if start is None:
            return False
        trained: Any = old.params  # layers in these families, as `self.params`
        layer: Any = self.params
        kernel, bias = trained.get_weights()
        if old.event_shape != self.event_shape or len(kernel) != layer.kernel.shape[0]:
            return False
        layer.set_weights([start.linear(kernel), start(bias)])
        return True

    def parameter_layer(self, h_shape: Sequence[int | None], location_size: int) -> keras.layers.Layer:
        """Builds the parameter layer, h ↦ `params_size` parameters; covariance parameters are initialized near zero.

        Σ(x) then starts near the identity for every x; L Lᵀ of large random values is too ill-conditioned for densities
        in float32. Location parameters keep the usual scale: with small means, the KL would prune latent dimensions
        before they carry information.

        Args:
            h_shape: shape of the features [..., H].
            location_size: number of location parameters, which come first and are initialized at the usual scale.

        Returns:
            A built Keras layer.
        """
        assert self.params_size is not None, "a posterior with a parameter layer must define params_size"
        gain = lambda size: np.where(np.arange(size) < location_size, 1.0, COVARIANCE_GAIN)  # noqa: E731
        return self.dense(self.params_size, h_shape, gain)
