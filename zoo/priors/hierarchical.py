"""Two stochastic layers."""

from zoo.checks import check_int
from zoo.distributions.hierarchy import Hierarchy, latent_sizes
from zoo.networks.mlp import GatedDense
from zoo.posteriors.normal import normal_map
from zoo.priors.prior import Prior
from zoo.registry import build_nested, names, register


@register("prior", "hierarchical")
class HierarchicalPrior(Prior):
    """p(z) = p(z₂) p(z₁|z₂), z = [z₂, z₁]: any prior p(z₂), and a normal p(z₁|z₂) with parameters from gated layers.

    The prior of the two-layer model in Tomczak & Welling (2018, arXiv:1705.07120, section 4).

    Args:
        event_shape: (L,), L = L₁ + L₂ of 2 or more.
        top_size: L₂, the size of z₂; None for half of L.
        prior: spec of p(z₂), e.g. "mixture" or "vamp(components=100)".
        normal: spec of the normal posterior that parameterizes p(z₁|z₂), e.g. "tril".
        hidden: hidden units of each of the two gated layers from z₂ to the parameters of p(z₁|z₂).

    Raises:
        ValueError: z₁ or z₂ would be empty, `normal` is not a normal posterior, or `prior` cannot be a prior of z₂.
    """

    def __init__(self, event_shape, top_size=None, prior="standard", normal="diag", hidden=300, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.top_size, self.prior, self.normal, self.hidden = top_size, prior, normal, check_int(hidden, "hidden")
        self.sizes = latent_sizes(self.event_shape, top_size)  # L₂, L₁
        self.top_layer = build_nested("prior", prior, event_shape=self.sizes[:1], dtype=self.dtype_policy)
        if self.top_layer.support != self.support or isinstance(self.top_layer, HierarchicalPrior):
            others = ", ".join(name for name in names("prior") if name not in ("dirichlet", "hierarchical"))
            raise ValueError(f"Expected prior= (of z₂) to be one of {others}, got {prior!r}.")
        self.conditional_layer = normal_map(normal, self.sizes[1], self.dtype_policy)

    def build(self, x_shape):
        self.top_layer.build(x_shape)
        self.gated_layers = [
            GatedDense(self.hidden, dtype=self.dtype_policy, name=f"gated_layer_{i}") for i in range(2)
        ]
        self.gated_layers[0].build((None, self.sizes[0]))
        self.gated_layers[1].build((None, self.hidden))
        self.conditional_layer.build((None, self.hidden))
        super().build(x_shape)

    def call(self, encode=None):
        def conditional(z2):
            first, second = self.gated_layers
            return self.conditional_layer(second(first(z2)))

        return Hierarchy(self.top_layer(encode=lambda x: encode(x).top), conditional, self.sizes[1])

    @property
    def is_mixture_of_posteriors(self):
        """Whether the components of p(z₂) are posteriors."""
        return self.top_layer.is_mixture_of_posteriors

    @property
    def pseudo_inputs(self):
        """Pseudo-inputs of p(z₂) [M, *x]; None if it has none."""
        return self.top_layer.pseudo_inputs

    def is_compatible(self, posterior):
        two_layers = getattr(posterior, "sizes", None) == self.sizes  # required if p(z₂) is a mixture of posteriors
        return super().is_compatible(posterior) and (two_layers or not self.is_mixture_of_posteriors)

    @property
    def compatible_specs(self):
        return [f"hierarchical(top_size={self.sizes[0]})"]

    def set_range(self, low, high):
        self.top_layer.set_range(low, high)

    def adapt(self, x):
        self.top_layer.adapt(x)

    def start_at_codes(self, z, seed):
        self.top_layer.start_at_codes(z[:, : self.sizes[0]], seed)

    @property
    def code_weights(self):
        top = {id(weight) for weight in self.top_layer.trainable_weights}
        return self.top_layer.code_weights + [weight for weight in self.trainable_weights if id(weight) not in top]

    def get_config(self):
        options = {"top_size": self.top_size, "prior": self.prior, "normal": self.normal, "hidden": self.hidden}
        return super().get_config() | options
