"""Normal posteriors, q(z|x) = N(μ(x), Σ(x))."""

import zoo.parameterizations as parameterizations
from zoo.posteriors.posterior import Posterior
from zoo.registry import build_nested, get, names, register


class NormalPosterior(Posterior):
    """q(z|x) = N(μ(x), Σ(x)), with a linear map from h to the parameters of the parameterization `family`.

    Args:
        event_shape: (L,), the latent size.
    """

    family: parameterizations.Parameterization

    def build(self, h_shape):
        self.params = self.parameter_layer(h_shape, location_size=self.event_shape[0])
        super().build(h_shape)

    def distribution(self, params):
        return self.family(params, *self.event_shape)

    def from_diagonal(self):
        start = getattr(self.family, "from_diagonal", None)  # which a user's family may lack
        return start and start(*self.event_shape)

    @property
    def params_size(self):
        """Number of parameters of q(z|x) for one x."""
        return self.family.params_size(*self.event_shape)


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
    """q(z|x) = N(μ, (σI) Ω (σI)) with standard deviations σ(x) and a correlation matrix Ω(x).

    See `zoo.parameterizations.StdCorr`.

    Args:
        event_shape: (L,), the latent size.
    """

    family = parameterizations.StdCorr()


@register("posterior", "orthogonal")
class OrthogonalNormalPosterior(NormalPosterior):
    """q(z|x) = N(μ(x), P D Pᵀ), P(x) a product of Householder reflections: see `zoo.parameterizations.Orthogonal`.

    Args:
        event_shape: (L,), the latent size.
        reflections: number of reflections; None for min(L, 32).
    """

    def __init__(self, event_shape, reflections=None, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.family = parameterizations.Orthogonal(reflections)

    def get_config(self):
        return super().get_config() | {"reflections": self.family.reflections}


@register("posterior", "low_rank")
class LowRankNormalPosterior(NormalPosterior):
    """q(z|x) = N(μ(x), D(x) + U(x) U(x)ᵀ), at a cost linear in L: see `zoo.parameterizations.LowRank`.

    Args:
        event_shape: (L,), the latent size.
        rank: number of columns of U, at most L; None for min(4, L).

    Raises:
        ValueError: `rank` is over L.
    """

    def __init__(self, event_shape, rank=None, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.family = parameterizations.LowRank(rank)
        self.family.params_size(*self.event_shape)  # raises an error if the rank is too high

    def get_config(self):
        return super().get_config() | {"rank": self.family.rank}


def normal_map(spec, size, dtype):
    """Creates a normal posterior from a spec, as an unbuilt layer from features to a normal.

    Args:
        spec: e.g. "tril".
        size: dimensions of the normal.
        dtype: of the layer.

    Raises:
        ValueError: the spec names a posterior that is not normal.
    """
    layer = build_nested("posterior", spec, event_shape=(size,), dtype=dtype)
    if not isinstance(layer, NormalPosterior):
        fitting = ", ".join(n for n in names("posterior") if issubclass(get("posterior", n), NormalPosterior))
        raise ValueError(f"Expected a normal posterior, got {spec!r}. Use one of {fitting}.")
    return layer
