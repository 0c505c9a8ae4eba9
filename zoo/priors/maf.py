"""A masked autoregressive flow as the prior."""

import tensorflow as tf

from zoo.checks import check_int
from zoo.distributions.autoregressive import AutoregressiveAffine, Flow
from zoo.networks.made import flow_networks
from zoo.priors.prior import Prior
from zoo.probability import tfb, tfd
from zoo.registry import register


@register("prior", "maf")
class MAFPrior(Prior):
    """p(z) = N(f(z); 0, I) |det ∂f/∂z|, f a chain of steps z ↦ σ(z) ⊙ z + m(z), each autoregressive.

    Papamakarios et al. (2017, arXiv:1705.07057). A density takes one network pass per step, a draw L.

    Args:
        event_shape: (L,), the latent size.
        steps: number of flow steps.
        hidden: hidden units of each step's network.
    """

    def __init__(self, event_shape, steps=3, hidden=64, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.steps, self.hidden = check_int(steps, "steps"), check_int(hidden, "hidden")

    def build(self, x_shape):
        self.networks = flow_networks(self.event_shape, self.steps, self.hidden, 0, self.dtype_policy)
        super().build(x_shape)

    def call(self, encode=None):
        zeros = tf.zeros(self.event_shape, self.compute_dtype)
        steps = [AutoregressiveAffine(network) for network in self.networks]
        return Flow(tfd.MultivariateNormalDiag(zeros, tf.ones_like(zeros)), tfb.Invert(tfb.Chain(steps)))

    def get_config(self):
        return super().get_config() | {"steps": self.steps, "hidden": self.hidden}
