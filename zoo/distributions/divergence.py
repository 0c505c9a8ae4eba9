"""KL(q ‖ p), in closed form if there is one."""

import tensorflow as tf

from zoo.distributions.hierarchy import Hierarchy
from zoo.probability import tfd


def kl_divergence(q, p, log_qz, log_pz, z=None, log_draw_weights=None):
    """Returns KL(q ‖ p) in nats, in closed form if there is one, else estimated from draws of q.

    For two hierarchies, it is KL(q(z₂|x) ‖ p(z₂)) + E KL(q(z₁|x, z₂) ‖ p(z₁|z₂)), with the first term in closed form
    if there is one, and the second in closed form for each draw of z₂.

    Args:
        q: distribution, batch [B], event [L].
        p: distribution, batch [], event [L].
        log_qz: log q(z) for draws z of q [K, B]; used if there is no closed form.
        log_pz: log p(z) for the same draws [K, B]; used if there is no closed form.
        z: the draws [K, B, L]; used for hierarchies.
        log_draw_weights: log-weights of the draws, see `Terms`.

    Returns:
        [B, L], the KL of each dimension, if both are diagonal normals; else [B, 1], the total.
    """
    if isinstance(q, Hierarchy) and isinstance(p, Hierarchy):
        return _of_hierarchies(q, p, z)
    if isinstance(q, tfd.MultivariateNormalDiag) and isinstance(p, tfd.MultivariateNormalDiag):
        return tfd.kl_divergence(_marginals(q), _marginals(p))
    if isinstance(q, tfd.MultivariateNormalTriL) and isinstance(p, tfd.MultivariateNormalDiag):
        return _of_triangular_normal(q, p)[..., None]
    try:
        return tfd.kl_divergence(q, p)[..., None]
    except NotImplementedError:
        return mean_of_draws(log_qz - log_pz, log_draw_weights)[..., None]


def _of_hierarchies(q, p, z):
    z2, _ = q.split(z)
    upper = kl_divergence(q.top, p.top, q.top.log_prob(z2), p.top.log_prob(z2))
    lower = tfd.kl_divergence(q.conditional(z2), p.conditional(z2))  # [K, B]
    return tf.reduce_sum(upper, axis=-1, keepdims=True) + tf.reduce_mean(lower, axis=0)[:, None]


def _of_triangular_normal(q, p):
    """Returns KL(N(μ, L Lᵀ) ‖ N(m, diag σ²)) = ½ Σᵢ ((Σⱼ Lᵢⱼ² + (μᵢ − mᵢ)²)/σᵢ² − 1) + Σᵢ log σᵢ/Lᵢᵢ.

    XLA's CPU compiler vectorizes a product with ones, but not the sum of squares in TFP's.
    """
    tril, sigma = q.scale.to_dense(), p.stddev()
    squares = tf.linalg.matvec(tril**2, tf.ones(tf.shape(tril)[-1:], tril.dtype))  # diagonal of L Lᵀ
    ratio = (squares + (q.mean() - p.mean()) ** 2) / sigma**2
    logs = tf.math.log(sigma) - tf.math.log(tf.abs(q.scale.diag_part()))
    return tf.reduce_sum(0.5 * (ratio - 1) + logs, axis=-1)


def _marginals(normal):
    return tfd.Normal(normal.loc, normal.stddev())


def mean_of_draws(values, log_draw_weights=None):
    """Returns the mean over draws, Σₖ shareₖ valueₖ.

    Args:
        values: [K, B].
        log_draw_weights: see `Terms`.

    Returns:
        [B].
    """
    if log_draw_weights is None:
        return tf.reduce_mean(values, axis=0)
    return tf.reduce_sum(tf.exp(log_draw_weights) * values, axis=0)
