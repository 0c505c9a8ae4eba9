"""Distributions of raw data, given distributions of standardized data."""

import tensorflow as tf

from zoo.probability import tfb, tfd, tfp


class AffineTransformed(tfd.TransformedDistribution):
    """Distribution of x = shift + scale · u for a base distribution of u: log p(x) = log p(u) − Σ log scale.

    The density is computed from u = (x − shift) / scale. Computed from x directly, it would suffer from cancellation
    if the shift is large compared to the scale.

    Args:
        distribution: the distribution of u.
        shift: scalar tensor, or tensor of the event shape.
        scale: scalar tensor, or tensor of the event shape.
    """

    def __init__(self, distribution, shift, scale, name="AffineTransformed"):
        parameters = dict(locals())
        self.shift, self.scale = tf.convert_to_tensor(shift), tf.convert_to_tensor(scale)
        bijector = tfb.Chain([tfb.Shift(self.shift), tfb.Scale(self.scale)])
        super().__init__(distribution, bijector, name=name, parameters=parameters)

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        of_event = tfp.util.ParameterProperties(event_ndims=lambda self: self.shift.shape.rank)
        return {"distribution": tfp.util.BatchedComponentProperties(), "shift": of_event, "scale": of_event}

    def _variance(self):
        return self.scale**2 * self.distribution.variance()

    def _stddev(self):
        return self.scale * self.distribution.stddev()
