"""A Dirichlet posterior: z lies on the simplex."""

from zoo.dirichlet import dirichlet, enough_categories
from zoo.posteriors.posterior import Posterior
from zoo.registry import register


@register("posterior", "dirichlet")
class Dirichlet(Posterior):
    """q(z|x) = Dir(α(x)), implicitly reparameterised (Joo et al., 2019, arXiv:1901.02739; arXiv:1805.08498).

    Args:
        event_shape: (L,), the number of categories, 2 or more.

    Raises:
        ValueError: L is 1.
    """

    space = "simplex"

    def __init__(self, event_shape, **kwargs):
        super().__init__(event_shape, **kwargs)
        enough_categories(self.event_shape)

    @property
    def params_size(self):
        """How many numbers the encoder gives for one x."""
        return self.event_shape[0]

    def build(self, h_shape):
        self.params = self.calm_dense(h_shape, loud=self.params_size)
        super().build(h_shape)

    def distribution(self, params):
        return dirichlet(params)
