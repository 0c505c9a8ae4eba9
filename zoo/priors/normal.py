"""Normal priors: fixed at N(0, I), or learned."""

import numpy as np
import tensorflow as tf

import zoo.parameterizations as parameterizations
from zoo.distributions.positive import inverse_positive
from zoo.priors.prior import Prior
from zoo.probability import tfd
from zoo.registry import register


@register("prior", "standard")
class StandardNormalPrior(Prior):
    """p(z) = N(0, I).

    Args:
        event_shape: (L,), the latent size.
    """

    def call(self, encode=None):
        # MultivariateNormalDiag, not Independent(Normal): TFP knows its KL to every normal.
        zeros = tf.zeros(self.event_shape, self.compute_dtype)
        return tfd.MultivariateNormalDiag(zeros, tf.ones_like(zeros))


class NormalPrior(Prior):
    """p(z) = N(μ, Σ), learned, initialized at N(0, I).

    Args:
        event_shape: (L,), the latent size.
    """

    family: parameterizations.Parameterization

    def build(self, x_shape):
        size = self.family.params_size(*self.event_shape)
        self.params = self.add_weight(shape=(size,), initializer="zeros", name="params")
        super().build(x_shape)

    def call(self, encode=None):
        return self.family(self.params, *self.event_shape)

    def start_from(self, old):
        if old.event_shape != self.event_shape:
            return False
        if isinstance(old, StandardNormalPrior):
            return True  # it is initialized there
        if not isinstance(old, NormalPrior) or old.family != parameterizations.Diag():
            return False
        self.params.assign(self.family.from_diagonal(*self.event_shape)(old.params.numpy()))
        return True

    def start_at_codes(self, z, seed):
        start = getattr(self.family, "from_diagonal", None)
        if start is not None:
            diagonal = np.concatenate([z.mean(axis=0), inverse_positive(z.std(axis=0))])
            self.params.assign(start(*self.event_shape)(diagonal))


@register("prior", "diag")
class DiagNormalPrior(NormalPrior):
    """p(z) = N(μ, diag σ²), learned.

    Args:
        event_shape: (L,), the latent size.
    """

    family = parameterizations.Diag()


@register("prior", "tril")
class TriLNormalPrior(NormalPrior):
    """p(z) = N(μ, L Lᵀ), learned.

    Args:
        event_shape: (L,), the latent size.
    """

    family = parameterizations.TriL()
