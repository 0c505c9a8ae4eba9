"""Normal posteriors, q(z|x) = N(μ(x), Σ(x))."""

import zoo.parameterizations as parameterizations
from zoo.posteriors.posterior import Posterior
from zoo.registry import build_nested, get, names, register


class NormalPosterior(Posterior):
    """q(z|x) = N(μ(x), Σ(x)), a linear map of h being the parameters of a normal `family`.

    Args:
        event_shape: (L,), the latent size.
    """

    family: parameterizations.Parameterization

    def build(self, h_shape):
        self.params = self.parameter_layer(h_shape, location_size=self.event_shape[0])
        super().build(h_shape)

    def distribution(self, params):
        return self.family(params, *self.event_shape)

    @property
    def params_size(self):
        """How many numbers the encoder gives for one x."""
        return self.family.size(*self.event_shape)


@register("posterior", "diag")
class DiagNormalPosterior(NormalPosterior):
    """q(z|x) = N(μ(x), diag σ²(x)), the mean-field posterior (Kingma & Welling, 2014, arXiv:1312.6114).

    Args:
        event_shape: (L,), the latent size.
    """

    family = parameterizations.Diag()


@register("posterior", "tril")
class TriLNormalPosterior(NormalPosterior):
    """q(z|x) = N(μ(x), L(x) L(x)ᵀ), full covariance (Kingma & Welling, 2019, arXiv:1906.02691, section 2.5.1).

    Args:
        event_shape: (L,), the latent size.
    """

    family = parameterizations.TriL()


@register("posterior", "std_corr")
class StdCorrNormalPosterior(NormalPosterior):
    """q(z|x) = N(μ, (σI) Ω (σI)), all of x: standard deviations and a correlation matrix Ω.

    See `zoo.parameterizations.StdCorr`.

    Args:
        event_shape: (L,), the latent size.
    """

    family = parameterizations.StdCorr()


@register("posterior", "orthogonal")
class OrthogonalNormalPosterior(NormalPosterior):
    """q(z|x) = N(μ, P D Pᵀ), all of x, P a product of Householder reflections: see `zoo.parameterizations.Orthogonal`.

    Args:
        event_shape: (L,), the latent size.
        reflections: how many; None for L, or 32 where L is over that.
    """

    def __init__(self, event_shape, reflections=None, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.family = parameterizations.Orthogonal(reflections)

    def get_config(self):
        return super().get_config() | {"reflections": self.family.reflections}


@register("posterior", "low_rank")
class LowRankNormalPosterior(NormalPosterior):
    """q(z|x) = N(μ, D + U Uᵀ), all of x, of a cost linear in L: see `zoo.parameterizations.MultivariateNormalLowRank`.

    Args:
        event_shape: (L,), the latent size.
        rank: number of columns of U, L at most; None for 4, or L where that is less.

    Raises:
        ValueError: the rank is over L.
    """

    def __init__(self, event_shape, rank=None, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.family = parameterizations.LowRank(rank)
        self.family.size(*self.event_shape)  # refuses a rank that is too high

    def get_config(self):
        return super().get_config() | {"rank": self.family.rank}


def normal_map(spec, size, dtype):
    """Makes the unbuilt normal posterior of a spec, a layer from features to a normal.

    Args:
        spec: e.g. "tril".
        size: dimensions of the normal.
        dtype: of the layer.

    Raises:
        ValueError: that posterior is not normal.
    """
    layer = build_nested("posterior", spec, event_shape=(size,), dtype=dtype)
    if not isinstance(layer, NormalPosterior):
        fitting = ", ".join(n for n in names("posterior") if issubclass(get("posterior", n), NormalPosterior))
        raise ValueError(f"Expected a normal posterior, got {spec!r}. Use one of {fitting}.")
    return layer
