"""InfoVAE: a maximum mean discrepancy between the aggregated posterior and the prior."""

import tensorflow as tf

from zoo.checks import check_float
from zoo.objectives.objective import Objective
from zoo.registry import register

EPSILON = 1e-30  # avoids division by zero: a batch of one has no distances
WIDTHS = (0.125, 0.25, 0.5, 1.0)  # of the kernels, in mean squared distances between draws of the prior


@register("objective", "mmd")
class MMD(Objective):
    """E_q[log p(x|z)] − (1 − α) KL(q(z|x) ‖ p(z)) − (α + λ − 1) MMD²(q(z), p(z)); no bound on log p(x).

    InfoVAE (Zhao et al., 2019, arXiv:1706.02262). MMD² between the aggregated posterior q(z) and the prior is estimated
    from a replica's batch and as many draws of the prior, ignoring sample weights. The kernel is the mean of
    exp(−|z − z′|²/(a s)) over a ∈ {⅛, ¼, ½, 1}, where s is the mean squared distance between draws of the prior: in
    high dimensions all distances are near √s, where the kernel with a = 1 alone is nearly flat. Pairs of a point with
    itself are excluded, so the only bias comes from the estimate of s; it is negligible from a batch size of 20 on.
    Prior parameters without a reparameterization gradient, such as the π of a mixture, are trained by the KL alone.

    Args:
        alpha: α; 1 removes the KL.
        lambda_: λ, in nats per unit of MMD².
        samples: K, draws per example.

    Raises:
        ValueError: α is over 1, or α + λ under 1.
    """

    uses_batch_statistic = True

    def __init__(self, alpha=0.0, lambda_=100.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = check_float(alpha, "alpha", maximum=1)
        self.lambda_ = check_float(lambda_, "lambda_", minimum=1 - self.alpha)

    def batch_statistic(self, q, p, z, seed):
        return squared_mmd(z, p.sample(tf.shape(z)[1], seed=seed))

    def call(self, terms):
        kl, mmd = tf.reduce_sum(terms.kl, axis=-1), terms.batch_statistic
        penalty = (1 - self.alpha) * kl + (self.alpha + self.lambda_ - 1) * mmd
        return tf.reduce_mean(terms.log_px, axis=0) - self.annealed(penalty)

    def get_config(self):
        return super().get_config() | {"alpha": self.alpha, "lambda_": self.lambda_}


def squared_mmd(z, prior_z):
    """Estimates MMD² between the distributions of two sets of points; the estimate may be negative.

    Args:
        z: [K, B, L], K draws for each of B examples; pairs share the same k.
        prior_z: [B, L], draws of the prior.

    Returns:
        A scalar tensor, the mean over the K draws.
    """
    n = tf.shape(prior_z)[0]
    pairs = tf.cast(tf.maximum(n * (n - 1), 1), z.dtype)
    distances = _squared_distances(prior_z, prior_z)
    width = tf.stop_gradient(tf.reduce_sum(distances) / pairs) + EPSILON

    def kernel(distances):
        return tf.add_n([tf.exp(-distances / (a * width)) for a in WIDTHS]) / len(WIDTHS)

    def between_distinct(distances):  # mean of the kernel over pairs of distinct points
        return tf.reduce_sum(kernel(distances) * (1 - tf.eye(n, dtype=z.dtype)), axis=[-2, -1]) / pairs

    across = tf.reduce_mean(kernel(_squared_distances(z, prior_z)), axis=[-2, -1])  # [K]
    return tf.reduce_mean(between_distinct(_squared_distances(z, z)) - 2 * across) + between_distinct(distances)


def _squared_distances(a, b):
    """Computes |aᵢ − bⱼ|² [..., n, m] of points [..., n, L] and [..., m, L], clipped to be non-negative."""
    products = tf.matmul(a, b, transpose_b=True)
    norms = tf.reduce_sum(a**2, axis=-1)[..., :, None] + tf.reduce_sum(b**2, axis=-1)[..., None, :]
    return tf.maximum(norms - 2 * products, 0.0)
