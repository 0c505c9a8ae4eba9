"""Normals with Σ = D + U Uᵀ, at a cost linear in d."""

import math

import numpy as np
import tensorflow as tf

from zoo.distributions.mixtures.mixture import (
    MatmulLogProb,
    diag_normal_factors,
    diag_normal_matmul,
    gather_components,
    matmul_log_prob,
    pairwise_log_prob,
    to_float64,
)
from zoo.distributions.moments import covariance_float64
from zoo.probability import tfd, tfp


class MultivariateNormalLowRank(tfd.Distribution):
    """N(μ, Σ) with Σ = D + U Uᵀ of rank r, D = diag σ² and U = σW: Σ = (σI)(I + W Wᵀ)(σI).

    Only `covariance` computes a d×d matrix. Densities use the capacitance matrix C = I + WᵀW [r, r], whose
    conditioning does not depend on σ. For the whitened u = (z − μ)/σ and w = C⁻¹Wᵀu,

        uᵀ(I + W Wᵀ)⁻¹u = |u − W w|² + |w|²,

    the minimum of a least-squares problem over w: it is never negative, and an error of w enters squared.

    Args:
        loc: μ [..., d].
        scale: σ [..., d].
        factor: W [..., d, r].
    """

    def __init__(self, loc, scale, factor, name="MultivariateNormalLowRank"):
        parameters = dict(locals())
        self.loc, self.scale, self.factor = loc, scale, factor
        super().__init__(
            dtype=loc.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {
            "loc": properties(event_ndims=1),
            "scale": properties(event_ndims=1),
            "factor": properties(event_ndims=2),
        }

    def _event_shape(self):
        return self.loc.shape[-1:]

    def _event_shape_tensor(self):
        return tf.shape(self.loc)[-1:]

    def _whitened_draws(self, n, seed):
        """Samples u = (z − μ)/σ [n, ..., d]."""
        batch, (d, r) = self.batch_shape_tensor(), self.factor.shape[-2:]
        own, shared = tfp.random.split_seed(seed, 2)
        own = tf.random.stateless_normal(tf.concat([[n], batch, [d]], axis=0), own, dtype=self.dtype)
        shared = tf.random.stateless_normal(tf.concat([[n], batch, [r]], axis=0), shared, dtype=self.dtype)
        return own + tf.linalg.matvec(self.factor, shared)

    def _sample_n(self, n, seed=None):
        return self.loc + self.scale * self._whitened_draws(n, seed)

    def _sample_and_log_prob(self, sample_shape, seed):
        u = self._whitened_draws(tf.reduce_prod(tf.cast(sample_shape, tf.int32)), seed)
        shape = tf.concat([sample_shape, self.batch_shape_tensor(), self.event_shape_tensor()], axis=0)
        u = tf.reshape(u, shape)
        return self.loc + self.scale * u, self._whitened_log_prob(u)

    def _log_prob(self, z):
        return self._whitened_log_prob((z - self.loc) / self.scale)

    def _whitened_log_prob(self, u):
        return _log_densities(u[..., None, :], self.scale, self.factor)[..., 0]

    def _entropy(self):
        return 0.5 * self.loc.shape[-1] * (1 + math.log(2 * math.pi)) + self.half_log_det()

    def half_log_det(self):
        """Returns ½ log det Σ, of batch shape."""
        return _half_log_det(self.scale, _capacitance_root(self.factor))

    def _mean(self):
        return tf.broadcast_to(self.loc, tf.concat([self.batch_shape_tensor(), self.event_shape_tensor()], axis=0))

    def _variance(self):
        return self.scale**2 * (1 + tf.reduce_sum(self.factor**2, axis=-1))

    def _stddev(self):
        return tf.sqrt(self.variance())

    def _covariance(self):
        spread = self.scale[..., None] * self.factor  # U
        return tf.linalg.diag(self.scale**2) + tf.matmul(spread, spread, transpose_b=True)


def _capacitance_root(factor):
    """Returns the Cholesky factor of C = I + WᵀW [..., r, r]."""
    gram = tf.matmul(factor, factor, transpose_a=True)
    return tf.linalg.cholesky(gram + tf.eye(factor.shape[-1], dtype=factor.dtype))


def _half_log_det(scale, root):
    return tf.reduce_sum(tf.math.log(scale), axis=-1) + tf.reduce_sum(tf.math.log(tf.linalg.diag_part(root)), axis=-1)


def _log_densities(u, scale, factor):
    """Computes log N of whitened points u [..., N, d], N for each normal of σ [..., d] and W [..., d, r]: [..., N]."""
    d, r = factor.shape[-2:]
    root = _capacitance_root(factor)
    eye = tf.broadcast_to(tf.eye(r, dtype=u.dtype), tf.shape(root))
    w = tf.matmul(tf.matmul(u, factor), tf.linalg.cholesky_solve(root, eye))  # [..., N, r]
    rest = u - tf.matmul(w, factor, transpose_b=True)
    quadratic = tf.reduce_sum(rest**2, axis=-1) + tf.reduce_sum(w**2, axis=-1)
    return -0.5 * (quadratic + d * math.log(2 * math.pi)) - _half_log_det(scale, root)[..., None]


@pairwise_log_prob.register
def _(components: MultivariateNormalLowRank, z):
    u = (z - components.loc[:, None]) / components.scale[:, None]  # [M, N, d]
    return tf.linalg.matrix_transpose(_log_densities(u, components.scale, components.factor))


@matmul_log_prob.register
def _(components: MultivariateNormalLowRank, log_weights):
    # uᵀ(I + W Wᵀ)⁻¹u = |u|² − |R⁻¹Wᵀu|², C = R Rᵀ: the products of the diagonal case, and one more for the last term.
    root = _capacitance_root(components.factor)
    half_log_det = tf.reduce_sum(tf.math.log(tf.linalg.diag_part(root)), axis=-1)  # of C
    center = tf.stop_gradient(tf.reduce_mean(components.loc, axis=0))
    loc = components.loc - center
    inverse = tf.linalg.triangular_solve(root, tf.linalg.matrix_transpose(components.factor))  # R⁻¹Wᵀ [M, r, d]
    inverse /= components.scale[:, None, :]
    shift = tf.linalg.matvec(inverse, loc)  # [M, r]

    def product(z, factors, inverse, shift):
        z, (r, d) = z - center, inverse.shape[-2:]
        v = tf.matmul(z, tf.reshape(inverse, [-1, d]), transpose_b=True) - tf.reshape(shift, [-1])  # [N, M r]
        gain = 0.5 * tf.reduce_sum(tf.reshape(v, [tf.shape(z)[0], -1, r]) ** 2, axis=-1)
        return diag_normal_matmul(z, factors) + gain

    def exact(z, index):
        return gather_components(components, index).log_prob(z[:, None]) + tf.gather(log_weights, index)

    factors = diag_normal_factors(loc, components.scale, log_weights - half_log_det)
    return MatmulLogProb([factors, inverse, shift], product, exact)


@covariance_float64.register
def _(distribution: MultivariateNormalLowRank):
    scale, factor = np.asarray(distribution.scale, np.float64), np.asarray(distribution.factor, np.float64)
    spread = scale[..., None] * factor  # U
    return spread @ np.swapaxes(spread, -1, -2) + scale[..., None] ** 2 * np.eye(scale.shape[-1])


@to_float64.register
def _(components: MultivariateNormalLowRank):
    tensors = (components.loc, components.scale, components.factor)
    return MultivariateNormalLowRank(*(tf.cast(tensor, tf.float64) for tensor in tensors))


@gather_components.register
def _(components: MultivariateNormalLowRank, index):
    tensors = (components.loc, components.scale, components.factor)
    return MultivariateNormalLowRank(*(tf.gather(tensor, index) for tensor in tensors))


@tfd.RegisterKL(MultivariateNormalLowRank, tfd.MultivariateNormalDiag)
def _kl_to_diagonal(q, p, name=None):
    scale = p.stddev()
    trace = tf.reduce_sum(q.variance() / scale**2, axis=-1)
    return _kl(q, trace, (q.loc - p.mean()) / scale, tf.reduce_sum(tf.math.log(scale), axis=-1))


@tfd.RegisterKL(MultivariateNormalLowRank, tfd.MultivariateNormalLinearOperator)
def _kl_to_full(q, p, name=None):
    # tr(Σₚ⁻¹ Σ_q) = Σᵢ σᵢ² |Lₚ⁻¹ eᵢ|² + |Lₚ⁻¹ U|²; Lₚ [d, d] has no batch axis.
    inverse = p.scale.solve(tf.eye(q.loc.shape[-1], dtype=q.dtype))  # Lₚ⁻¹
    own = tf.reduce_sum(q.scale**2 * tf.reduce_sum(inverse**2, axis=-2), axis=-1)
    shared = tf.reduce_sum(tf.matmul(inverse, q.scale[..., None] * q.factor) ** 2, axis=[-2, -1])
    shift = tf.linalg.matvec(inverse, q.loc - p.mean())
    return _kl(q, own + shared, shift, p.scale.log_abs_determinant())


def _kl(q, trace, shift, half_log_det_p):
    """Returns ½ (tr + |shift|² − d) + ½ log det Σₚ − ½ log det Σ_q."""
    quadratic = tf.reduce_sum(shift**2, axis=-1)
    return 0.5 * (trace + quadratic - q.loc.shape[-1]) + half_log_det_p - q.half_log_det()
