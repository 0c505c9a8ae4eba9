"""An inverse autoregressive flow as the posterior."""

import tensorflow as tf

import zoo.parameterizations as parameterizations
from zoo.checks import check_int
from zoo.distributions.autoregressive import AutoregressiveAffine, Flow
from zoo.networks.made import flow_networks
from zoo.parameterizations.diagonal import first_parameters
from zoo.posteriors.posterior import Posterior
from zoo.probability import tfb
from zoo.registry import register


@register("posterior", "iaf")
class IAFPosterior(Posterior):
    """z = f_T(… f₁(z₀)), z₀ ~ N(μ(x), diag σ²(x)), with autoregressive steps fₜ(z) = σ(z, c) ⊙ z + m(z, c), c = c(x).

    Kingma et al. (2016, arXiv:1606.04934, equation 10). Sampling with log-density takes one network pass per step; the
    log-density of any other point takes L passes per step.

    Args:
        event_shape: (L,), the latent size.
        steps: T, the number of flow steps.
        hidden: hidden units of each step's network, and size of the context c.
    """

    density_is_sequential = True
    base = parameterizations.Diag()

    def __init__(self, event_shape, steps=2, hidden=64, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.steps, self.hidden = check_int(steps, "steps"), check_int(hidden, "hidden")

    @property
    def params_size(self):
        """Number of parameters of q(z|x) for one x."""
        return self.base.params_size(*self.event_shape) + self.hidden

    def build(self, h_shape):
        self.params = self.parameter_layer(h_shape, location_size=self.event_shape[0])
        self.networks = flow_networks(self.event_shape, self.steps, self.hidden, self.hidden, self.dtype_policy)
        super().build(h_shape)

    def distribution(self, params):
        params, context = tf.split(params, [self.params_size - self.hidden, self.hidden], axis=-1)
        steps = [AutoregressiveAffine(network, context) for network in self.networks]
        return Flow(self.base(params, *self.event_shape), tfb.Chain(steps[::-1]))

    def from_diagonal(self):
        return first_parameters(self.params_size, *self.event_shape)

    def start_from(self, old):
        if not super().start_from(old):
            return False
        for network in self.networks:  # each step is the identity then, whatever the context
            for weight in network.output_layer.weights:
                weight.assign(tf.zeros_like(weight))
        return True

    def get_config(self):
        return super().get_config() | {"steps": self.steps, "hidden": self.hidden}
