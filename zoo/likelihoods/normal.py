"""The normal likelihood with a fixed, learned or predicted scale."""

import math

import tensorflow as tf

from zoo.checks import check_float
from zoo.distributions.positive import positive
from zoo.likelihoods.likelihood import StandardizedLikelihood
from zoo.probability import tfd
from zoo.registry import register


@register("likelihood", "normal")
class NormalLikelihood(StandardizedLikelihood):
    """p(x|z) = Πᵢ N(xᵢ; μᵢ(z), σᵢ²).

    A density of the standardized x, see `StandardizedLikelihood`; σ and its floor are in standardized units.

    Args:
        event_shape: shape of x.
        scale: "shared", one learned σ for all elements (Rybkin et al., 2021, arXiv:2006.13202, σ-VAE);
            "predicted", a σ for each element, predicted from h; or a number, a fixed σ.
        floor: lower bound of a learned or predicted σ; without it, the density of a constant element is unbounded.

    Raises:
        ValueError: `scale` is none of these, or `floor` is out of range.
    """

    supports = ("real", "unit", "simplex")

    def __init__(self, event_shape, scale="shared", floor=0.01, **kwargs):
        super().__init__(event_shape, **kwargs)
        fixed = isinstance(scale, int | float) and not isinstance(scale, bool) and 0 < scale < math.inf
        if scale not in ("shared", "predicted") and not fixed:
            raise ValueError(f"Expected scale= to be 'shared', 'predicted' or a positive number, got {scale!r}.")
        self.floor = check_float(floor, "floor", minimum=1e-6, maximum=0.99)
        self.scale = scale
        self.params_per_element = 2 if scale == "predicted" else 1

    def build(self, h_shape):
        if self.scale == "shared":
            self.raw_scale = self.add_weight(shape=(), initializer="zeros", name="raw_scale")
        super().build(h_shape)

    def call(self, h):
        loc, *raw = self.parameters(h)
        if self.scale == "predicted":
            scale = positive(raw[0], self.floor)
        elif self.scale == "shared":
            scale = positive(tf.convert_to_tensor(self.raw_scale), self.floor)
        else:
            scale = tf.constant(self.scale, loc.dtype)
        px = tfd.Independent(tfd.Normal(loc, scale * tf.ones_like(loc)), len(self.event_shape))
        return self.in_data_units(px)

    def get_config(self):
        return super().get_config() | {"scale": self.scale, "floor": self.floor}
