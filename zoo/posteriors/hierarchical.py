"""Two stochastic layers."""

import tensorflow as tf

from zoo.checks import check_int
from zoo.distributions.hierarchy import Hierarchy, latent_sizes
from zoo.networks.mlp import GatedDense
from zoo.posteriors.normal import normal_map
from zoo.posteriors.posterior import Posterior
from zoo.registry import register


@register("posterior", "hierarchical")
class HierarchicalPosterior(Posterior):
    """q(z|x) = q(z₂|x) q(z₁|x, z₂), z = [z₂, z₁], both normal; a gated layer maps h and z₂ to the parameters of z₁.

    The posterior of the two-layer model in Tomczak & Welling (2018, arXiv:1705.07120, section 4). The decoder
    takes both z₂ and z₁. KL and moments are estimated from draws.

    Args:
        event_shape: (L,), L = L₁ + L₂ of 2 or more.
        top_size: L₂, the size of z₂; None for half of L.
        normal: spec of the normal posterior of both layers, e.g. "tril".
        hidden: hidden units of the gated layer.

    Raises:
        ValueError: z₁ or z₂ would be empty, or `normal` is not a normal posterior.
    """

    def __init__(self, event_shape, top_size=None, normal="diag", hidden=300, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.top_size, self.normal, self.hidden = top_size, normal, check_int(hidden, "hidden")
        self.sizes = latent_sizes(self.event_shape, top_size)  # L₂, L₁
        self.top_layer, self.conditional_layer = (normal_map(normal, size, self.dtype_policy) for size in self.sizes)

    @property
    def params_size(self):
        """Number of parameters of q(z|x) for one x: those of q(z₂|x) and of q(z₁|x, z₂) at one z₂."""
        return self.top_layer.params_size + self.conditional_layer.params_size

    def build(self, h_shape):
        self.top_layer.build(h_shape)
        self.gated_layer = GatedDense(self.hidden, dtype=self.dtype_policy)
        self.gated_layer.build((None, h_shape[-1] + self.sizes[0]))
        self.conditional_layer.build((None, self.hidden))
        super().build(h_shape)

    def call(self, h):
        def conditional(z2):
            batch = tf.broadcast_dynamic_shape(tf.shape(h)[:-1], tf.shape(z2)[:-1])
            both = [tf.broadcast_to(t, tf.concat([batch, tf.shape(t)[-1:]], axis=0)) for t in (h, z2)]
            return self.conditional_layer(self.gated_layer(tf.concat(both, axis=-1)))

        return Hierarchy(self.top_layer(h), conditional, self.sizes[1])

    def start_from(self, old):
        same = isinstance(old, HierarchicalPosterior) and (old.sizes, old.hidden) == (self.sizes, self.hidden)
        pairs = [(self.top_layer, old.top_layer), (self.conditional_layer, old.conditional_layer)] if same else []
        if not pairs or not all(new.start_from(layer) for new, layer in pairs):
            return False
        self.gated_layer.set_weights(old.gated_layer.get_weights())
        return True

    def get_config(self):
        return super().get_config() | {"top_size": self.top_size, "normal": self.normal, "hidden": self.hidden}
