"""Autoregressive flows: one network pass in the forward direction, d passes in the inverse."""

import tensorflow as tf

from zoo.distributions.moments import MomentsFromDraws
from zoo.distributions.positive import positive
from zoo.probability import tfb, tfd, tfp

FLOOR = 0.1  # lower bound of σ: keeps a chain of steps invertible in float32


class AutoregressiveAffine(tfb.Bijector):
    """y = σ(x) ⊙ x + m(x), σᵢ and mᵢ functions of the elements before the i-th.

    The forward direction takes one network pass; the inverse takes d, each of which gets one more element right.

    Args:
        network: a built `MADE` with two outputs.
        context: context of the network [B, C], or None.
    """

    def __init__(self, network, context=None, name="AutoregressiveAffine"):
        parameters = dict(locals())
        self.network, self.context = network, context
        super().__init__(
            forward_min_event_ndims=1, dtype=tf.as_dtype(network.compute_dtype), parameters=parameters, name=name
        )

    @classmethod
    def _parameter_properties(cls, dtype):
        return {"context": tfp.util.ParameterProperties(event_ndims=1)}

    def _shift_and_scale(self, x):
        shift, raw_scale = self.network(x) if self.context is None else self.network(x, context=self.context)
        return shift, positive(raw_scale, FLOOR)

    def _forward(self, x):
        shift, scale = self._shift_and_scale(x)
        return scale * x + shift

    def _forward_log_det_jacobian(self, x):
        return tf.reduce_sum(tf.math.log(self._shift_and_scale(x)[1]), axis=-1)

    def _inverse(self, y):
        def improved(x):
            shift, scale = self._shift_and_scale(x)
            return ((y - shift) / scale,)

        passes = y.shape[-1]  # XLA needs a static limit for the gradient
        return tf.while_loop(lambda x: True, improved, (tf.zeros_like(y),), maximum_iterations=passes)[0]


class Flow(MomentsFromDraws, tfd.TransformedDistribution):
    """A normal distribution transformed by a chain of autoregressive steps, with moments estimated from draws.

    Args:
        distribution: the base distribution.
        bijector: the chain of steps.
    """
