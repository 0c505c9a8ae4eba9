"""β-TCVAE: a decomposition of the KL with a weight for each term."""

import tensorflow as tf

from zoo.checks import check_float, check_int
from zoo.distributions.mixtures.mixture import pairwise_log_prob
from zoo.objectives.objective import Objective
from zoo.posteriors.normal import NormalPosterior
from zoo.probability import tfd
from zoo.registry import register


@register("objective", "tc")
class TotalCorrelation(Objective):
    """E_q[log p(x|z)] − α I(x; z) − β KL(q(z) ‖ Πⱼ q(zⱼ)) − γ KL(Πⱼ q(zⱼ) ‖ p(z)); no bound on log p(x).

    β-TCVAE (Chen et al., 2018, arXiv:1802.04942). The terms are the mutual information, the total correlation of the
    aggregated posterior q(z) and, for a factorized prior, the dimension-wise KL. At α = β = γ = 1 they add up to
    KL(q(z|x) ‖ p(z)). log q(z) is estimated from a replica's batch with minibatch-stratified weights, which is biased;
    it ignores sample weights. Needs a normal posterior, for the marginals q(zⱼ|x).

    The weights depend on N, the number of training examples, which `adapt` sets; until then, N is the batch size.

    Args:
        alpha: α, the weight of the mutual information.
        beta: β, the weight of the total correlation.
        gamma: γ, the weight of the dimension-wise KL.
        samples: K, draws per example.

    Raises:
        ValueError: a weight is negative or not finite.
    """

    uses_batch_statistic = True

    def __init__(self, alpha=1.0, beta=6.0, gamma=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = check_float(alpha, "alpha", minimum=0)
        self.beta = check_float(beta, "beta", minimum=0)
        self.gamma = check_float(gamma, "gamma", minimum=0)

    def build(self, terms_shape=None):
        self.examples = self.add_weight(shape=(), initializer="zeros", trainable=False, name="examples")
        super().build(terms_shape)

    def is_compatible(self, posterior):
        return isinstance(posterior, NormalPosterior)

    @property
    def adapted(self):
        return bool(self.examples.numpy() > 0)

    def adapt(self, x):
        self.examples.assign(check_int(len(x), "the number of examples"))

    def batch_statistic(self, q, p, z, seed):
        """Estimates log q(z) and log Πⱼ q(zⱼ) of the draws [2, K, B]."""
        points = tf.reshape(z, [-1, z.shape[-1]])  # [K B, L]
        log_weights = stratified_log_weights(tf.shape(z)[1], tf.cast(tf.convert_to_tensor(self.examples), z.dtype))
        log_weights = tf.tile(log_weights, [tf.shape(z)[0], 1])  # [K B, B]
        log_qz = tf.reduce_logsumexp(log_weights + pairwise_log_prob(q, points), axis=1)
        marginals = tfd.Normal(q.mean(), q.stddev()).log_prob(points[:, None, :])  # [K B, B, L]
        log_product = tf.reduce_sum(tf.reduce_logsumexp(log_weights[..., None] + marginals, axis=1), axis=-1)
        return tf.reshape(tf.stack([log_qz, log_product]), tf.concat([[2], tf.shape(z)[:-1]], axis=0))

    def call(self, terms):
        log_q, log_product = tf.unstack(terms.batch_statistic)  # [K, B]
        information, correlation, rest = terms.log_qz - log_q, log_q - log_product, log_product - terms.log_pz
        penalty = self.alpha * information + self.beta * correlation + self.gamma * rest
        return tf.reduce_mean(terms.log_px - self.annealed(penalty), axis=0)

    def get_config(self):
        return super().get_config() | {"alpha": self.alpha, "beta": self.beta, "gamma": self.gamma}


def stratified_log_weights(batch_size, examples):
    """Returns log W [B, B] for q(z) ≈ Σⱼ Wᵢⱼ q(z|xⱼ), where z is a draw of q(z|xᵢ) and the xⱼ are a random batch.

    Row i has weight 1/N for xᵢ itself, (N − M)/(N M) for one other example and 1/M for the rest, with
    M = B − 1 (arXiv:1802.04942, appendix C).

    Args:
        batch_size: B; for B = 1, W is 1.
        examples: N; raised to B if it is smaller.
    """
    eye = tf.eye(batch_size, dtype=examples.dtype)
    others = tf.cast(tf.maximum(batch_size - 1, 1), examples.dtype)  # M
    n = tf.maximum(examples, tf.cast(batch_size, examples.dtype))
    n = tf.where(tf.equal(batch_size, 1), tf.ones_like(n), n)
    following = tf.roll(eye, shift=1, axis=1) * (1 - eye)
    weights = eye / n + following * (n - others) / (n * others) + (1 - eye - following) / others
    return tf.math.log(weights)
