"""Normal posteriors, q(z|x) = N(μ(x), Σ(x))."""

from zoo import normal
from zoo.layer import DistributionLayer
from zoo.registry import register


class NormalPosterior(DistributionLayer):
    """q(z|x) = N(μ(x), Σ(x)), a linear map of h being the parameters of a normal family.

    It starts near N(0, I) for every x: the outputs are small at first, because L Lᵀ of large random
    numbers is so ill-conditioned that float32 densities are lost.

    Args:
        event_shape: (L,), the latent size.
    """

    family = None

    def build(self, h_shape):
        self.params = self.dense(self.params_size, h_shape, gain=0.1)
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
