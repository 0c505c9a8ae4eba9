"""A Dirichlet prior."""

import tensorflow as tf

from zoo.checks import check_float
from zoo.distributions.dirichlet import ReparameterizedDirichlet, check_categories
from zoo.priors.prior import Prior
from zoo.registry import register


@register("prior", "dirichlet")
class DirichletPrior(Prior):
    """p(z) = Dir(α, …, α) (Joo et al., 2019, arXiv:1901.02739).

    Args:
        event_shape: (L,), the number of categories, 2 or more.
        concentration: α, at least 0.01; 1 is the uniform distribution, draws are sparse below it.

    Raises:
        ValueError: L is 1, or α is under 0.01.
    """

    support = "simplex"

    def __init__(self, event_shape, concentration=0.98, **kwargs):
        super().__init__(event_shape, **kwargs)
        check_categories(self.event_shape)
        self.concentration = check_float(concentration, "concentration", minimum=0.01)

    def call(self, encode=None):
        return ReparameterizedDirichlet(tf.fill(self.event_shape, tf.constant(self.concentration, self.compute_dtype)))

    def get_config(self):
        return super().get_config() | {"concentration": self.concentration}
