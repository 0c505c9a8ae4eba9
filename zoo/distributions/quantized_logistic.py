"""A logistic distribution rounded to 256 levels."""

import tensorflow as tf

from zoo.probability import tfb, tfd, tfp

LEVELS = 256


class QuantizedLogistic(tfd.QuantizedDistribution):
    """A logistic rounded to the nearest of 0, …, 255: P(k) = F(k + ½) − F(k − ½), with the tails added to 0 and 255.

    Args:
        loc: location, in levels.
        scale: scale, in levels.
    """

    def __init__(self, loc, scale, name="QuantizedLogistic"):
        parameters = dict(locals())
        self.loc, self.scale = loc, scale
        # TFP rounds up, so half a level is subtracted first.
        logistic = tfd.TransformedDistribution(tfd.Logistic(loc, scale), tfb.Shift(tf.cast(-0.5, loc.dtype)))
        super().__init__(logistic, low=0.0, high=LEVELS - 1.0, name=name)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"loc": tfp.util.ParameterProperties(), "scale": tfp.util.ParameterProperties()}

    def _log_prob(self, x):
        # F(b) − F(a) = F(b) F(−a) (1 − exp(a − b)), which stays positive where the difference itself cancels.
        log_cdf = -tf.nn.softplus((self.loc - x - 0.5) / self.scale)  # log F(x + ½)
        log_survival = -tf.nn.softplus((x - 0.5 - self.loc) / self.scale)  # log (1 − F(x − ½))
        inside = log_cdf + log_survival + tf.math.log(-tf.math.expm1(-1 / self.scale))
        return tf.where(x <= 0, log_cdf, tf.where(x >= LEVELS - 1, log_survival, inside))

    def _mean(self):
        # E = Σₖ P(X > k + ½) over k = 0 … 254, by the midpoint rule ∫₀²⁵⁵ (1 − F(t)) dt.
        area = tf.nn.softplus(self.loc / self.scale) - tf.nn.softplus((self.loc - (LEVELS - 1.0)) / self.scale)
        return self.scale * area
