"""Normal posteriors, q(z|x) = N(μ(x), Σ(x))."""

import numpy as np

from zoo import normal
from zoo.layer import DistributionLayer
from zoo.registry import register

CALM = 0.1  # scale of a covariance's initial raw parameters, beside the usual one


class NormalPosterior(DistributionLayer):
    """q(z|x) = N(μ(x), Σ(x)), a linear map of h being the parameters of a normal family.

    It starts calm, with Σ(x) near the identity for every x: L Lᵀ of large random numbers is so
    ill-conditioned that float32 densities are lost. The means start at the usual size: small ones too
    would let the KL switch latent dimensions off before they say anything.

    Args:
        event_shape: (L,), the latent size.
    """

    family = None

    def build(self, h_shape):
        gain = np.where(np.arange(self.params_size) < self.event_shape[0], 1.0, CALM)
        self.params = self.dense(self.params_size, h_shape, gain)
        super().build(h_shape)

    def call(self, h):
        return self.family(self.params(h), *self.event_shape)

    @property
    def params_size(self):
        """How many numbers the encoder gives for one x."""
        return self.family.size(*self.event_shape)


@register("posterior", "diag")
class MultivariateNormalDiag(NormalPosterior):
    """q(z|x) = N(μ(x), diag σ²(x)), the mean-field posterior (Kingma & Welling, 2014, arXiv:1312.6114).

    Args:
        event_shape: (L,), the latent size.
    """

    family = normal.Diag()


@register("posterior", "tril")
class MultivariateNormalTriL(NormalPosterior):
    """q(z|x) = N(μ(x), L(x) L(x)ᵀ), full covariance (Kingma & Welling, 2019, arXiv:1906.02691, section 2.5.1).

    Args:
        event_shape: (L,), the latent size.
    """

    family = normal.TriL()
