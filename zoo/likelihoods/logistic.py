"""The discretized logistic likelihood with 256 levels."""

from zoo.distributions.positive import positive
from zoo.distributions.quantized_logistic import LEVELS, QuantizedLogistic
from zoo.likelihoods.likelihood import Likelihood
from zoo.probability import tfd
from zoo.registry import register


@register("likelihood", "discretized_logistic")
class DiscretizedLogisticLikelihood(Likelihood):
    """P(x|z) = Πᵢ [F((xᵢ + ½ − μᵢ)/sᵢ) − F((xᵢ − ½ − μᵢ)/sᵢ)], x in {0, …, 255}, F the logistic function.

    Kingma et al. (2016, arXiv:1606.04934); μ and s are predicted for each element.

    Args:
        event_shape: shape of x.
    """

    supports = ("levels",)
    params_per_element = 2

    def call(self, h):
        raw_loc, raw_scale = self.parameters(h)
        half = (LEVELS - 1) / 2
        px = QuantizedLogistic(half + half * raw_loc, half / 4 * positive(raw_scale, floor=0.01))
        return tfd.Independent(px, len(self.event_shape))
