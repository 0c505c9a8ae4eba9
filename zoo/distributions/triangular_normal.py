"""Normals with a triangular scale, N(μ, L Lᵀ)."""

import tensorflow as tf

from zoo.probability import tfd


class MultivariateNormalTriL(tfd.MultivariateNormalTriL):
    """TFP's N(μ, L Lᵀ) for an L that is zero above its diagonal, which TFP would mask in every use.

    Args:
        loc: μ [..., d].
        scale_tril: L [..., d, d], lower triangular with a positive diagonal.
    """

    def __init__(self, loc, scale_tril, name="MultivariateNormalTriL"):
        parameters = dict(locals())
        scale = LowerTriangular(scale_tril)
        tfd.MultivariateNormalLinearOperator.__init__(self, loc, scale, name=name)
        self._scale_tril, self._parameters = scale_tril, parameters


class LowerTriangular(tf.linalg.LinearOperatorLowerTriangular):
    """A lower triangular operator that takes its matrix as it is, instead of masking it.

    Args:
        tril: L [..., d, d], zero above its diagonal.
    """

    def __init__(self, tril):
        super().__init__(tril, is_non_singular=True, is_self_adjoint=False, is_positive_definite=False)

    def _get_tril(self):
        return self._tril


@tfd.RegisterKL(tfd.MultivariateNormalTriL, tfd.MultivariateNormalDiag)
def _kl_to_diag(q, p, name=None):
    """Returns KL(N(μ, L Lᵀ) ‖ N(m, diag σ²)) = ½ Σᵢ ((Σⱼ Lᵢⱼ² + (μᵢ − mᵢ)²)/σᵢ² − 1) + Σᵢ log σᵢ/Lᵢᵢ.

    XLA's CPU compiler vectorizes a product with ones, but not the sum of squares in TFP's.
    """
    with tf.name_scope(name or "kl_to_diag"):
        tril, sigma = q.scale.to_dense(), p.stddev()
        squares = tf.linalg.matvec(tril**2, tf.ones(tf.shape(tril)[-1:], tril.dtype))  # diagonal of L Lᵀ
        ratio = (squares + (q.mean() - p.mean()) ** 2) / sigma**2
        logs = tf.math.log(sigma) - tf.math.log(tf.abs(q.scale.diag_part()))
        return tf.reduce_sum(0.5 * (ratio - 1) + logs, axis=-1)
