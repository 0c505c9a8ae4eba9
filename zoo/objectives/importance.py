"""Importance-weighted bounds."""

import keras
import tensorflow as tf

from zoo.objectives.objective import Objective
from zoo.probability import tfp
from zoo.registry import register


@register("objective", "iwae")
class IWAE(Objective):
    """log 1/K Σₖ wₖ, wₖ = p(x, zₖ) / q(zₖ|x): a lower bound, tighter the larger K.

    Burda et al. (2016, arXiv:1509.00519).

    Args:
        samples: K, draws for an example; of a mixture posterior, for each of its components, weighted by their πₘ
            (Morningstar et al., 2021, arXiv:2003.01687).
    """

    stratified = True

    def __init__(self, samples=5, **kwargs):
        super().__init__(samples=samples, **kwargs)

    def call(self, terms):
        log_weights = terms.log_px + self.annealed(terms.log_pz - terms.log_qz)  # [K, B]
        if terms.log_shares is None:
            return tfp.math.reduce_logmeanexp(log_weights, axis=0)
        return tf.reduce_logsumexp(terms.log_shares + log_weights, axis=0)


@register("objective", "dreg")
class DReG(IWAE):
    """The bound of `IWAE` with the doubly reparameterized gradient (Tucker et al., 2019, arXiv:1810.04152).

    With w̃ₖ = wₖ / Σⱼ wⱼ the encoder's gradient is Σₖ w̃ₖ² ∂log wₖ/∂zₖ ∂zₖ/∂φ, which is unbiased as is
    that of `IWAE`, and whose signal does not drown in noise as K grows. All other parameters have `IWAE`'s.
    During a warm-up, with a the annealing, the factor is (1 − a) w̃ₖ + a w̃ₖ².

    Args:
        samples: K, draws for an example.
    """

    stratified = False  # its gradient is that of draws of q(z|x) itself

    def draw(self, posterior, h, seed):
        q = posterior(h)
        z = q.sample(self.samples, seed=seed)
        z, zero = _reweighted(z, tf.cast(tf.convert_to_tensor(self.annealing), z.dtype))
        stopped = [(weight, tf.stop_gradient(weight)) for weight in posterior.trainable_variables]
        with keras.StatelessScope(state_mapping=stopped):
            log_qz = posterior(tf.stop_gradient(h)).log_prob(z)
        return q, z, log_qz + zero, None


@tf.custom_gradient
def _reweighted(z, annealing):
    """Returns z [K, B, L], its gradient multiplied by 1 − a + a w̃, and zeros [K, B] to add to log q(z|x).

    The bound is a logarithm of a sum of weights, so that its gradient in a log-weight, and up to a factor
    for each example that of the zeros too, is w̃ itself: the weights come back with z's gradient.
    """

    def gradient(z_gradient, log_qz_gradient):
        weights = tf.math.divide_no_nan(log_qz_gradient, tf.reduce_sum(log_qz_gradient, axis=0))  # w̃ [K, B]
        return (1 - annealing + annealing * weights)[..., None] * z_gradient, None

    return (tf.identity(z), tf.zeros(tf.shape(z)[:-1], z.dtype)), gradient
