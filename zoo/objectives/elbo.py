"""The evidence lower bound with a weighted KL."""

import tensorflow as tf

from zoo.checks import check_float
from zoo.objectives.objective import Objective
from zoo.registry import register


@register("objective", "elbo")
class ELBO(Objective):
    """E_q[log p(x|z)] − β KL(q(z|x) ‖ p(z)).

    At β = 1 the evidence lower bound (Kingma & Welling, 2014, arXiv:1312.6114); at β > 1 a looser lower
    bound (β-VAE, Higgins et al., 2017); at β < 1 no bound.

    Args:
        beta: β, the weight of the KL.
        free_bits: λ, in nats: the KL of each latent dimension, averaged over the batch, is replaced by
            max(λ, KL) (Kingma et al., 2016, arXiv:1606.04934, equation 15). If the KL is not a sum over dimensions, the
            total is replaced by max(λ L, KL). The average over the batch ignores sample weights.
        samples: K, draws per example; with a mixture posterior, draws per component, for the bound
            Σₘ πₘ E_qₘ[log p(x|z) + log p(z) − log q(z|x)] (Morningstar et al., 2021, arXiv:2003.01687).

    Raises:
        ValueError: β or λ is negative or not finite.
    """

    accepts_strata = True

    def __init__(self, beta=1.0, free_bits=0.0, **kwargs):
        super().__init__(**kwargs)
        self.beta, self.free_bits = check_float(beta, "beta", minimum=0), check_float(free_bits, "free_bits", minimum=0)

    @property
    def uses_batch_statistic(self):
        """Whether it uses a statistic of the whole batch: true with free bits."""
        return self.free_bits > 0

    def call(self, terms):
        return terms.mean(terms.log_px) - self.annealed(self.beta * self._kl(terms))

    def _kl(self, terms):
        if self.free_bits == 0:
            return tf.reduce_sum(terms.kl, axis=-1)  # [B]
        floor = self.free_bits * terms.z.shape[-1] / terms.kl.shape[-1]
        mean = tf.reduce_mean(terms.kl, axis=0)  # [L] or [1]
        return tf.reduce_sum(tf.maximum(mean, tf.cast(floor, mean.dtype))) * tf.ones_like(terms.kl[:, 0])

    def get_config(self):
        return super().get_config() | {"beta": self.beta, "free_bits": self.free_bits}
