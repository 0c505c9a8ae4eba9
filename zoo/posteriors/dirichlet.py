"""A Dirichlet posterior: z lies on the simplex."""

from zoo.distributions.dirichlet import ReparameterizedDirichlet, check_categories
from zoo.distributions.positive import positive
from zoo.posteriors.posterior import Posterior
from zoo.registry import register

FLOOR = 0.1  # smallest concentration: below it, most draws are one-hot in float32


@register("posterior", "dirichlet")
class DirichletPosterior(Posterior):
    """q(z|x) = Dir(α(x)), implicitly reparameterized (Joo et al., 2019, arXiv:1901.02739; arXiv:1805.08498).

    Args:
        event_shape: (L,), the number of categories, 2 or more.

    Raises:
        ValueError: L is 1.
    """

    support = "simplex"

    def __init__(self, event_shape, **kwargs):
        super().__init__(event_shape, **kwargs)
        check_categories(self.event_shape)

    @property
    def params_size(self):
        """Number of parameters of q(z|x) for one x."""
        return self.event_shape[0]

    def build(self, h_shape):
        self.params = self.parameter_layer(h_shape, location_size=self.params_size)
        super().build(h_shape)

    def distribution(self, params):
        return ReparameterizedDirichlet(positive(params, FLOOR))  # zeros give the uniform distribution, Dir(1, …, 1)
