"""Starts of annealing: a normalized density to sample from, and coordinates in which HMC moves easily."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.distributions.low_rank_normal import MultivariateNormalLowRank
from zoo.distributions.moments import covariance_float64
from zoo.model.estimation.simplex import CenteredSoftmax
from zoo.probability import tfb, tfd, tfp

DRAWS = 256  # that the scales of coordinates are estimated from
MIN_SCALE = 1e-6  # of coordinates, relative to the largest; keeps them invertible
NORMALS = (tfd.MultivariateNormalLinearOperator, MultivariateNormalLowRank)


@dataclass(frozen=True)
class Start:
    """The start f₀ of annealing, with unconstrained coordinates u of z: z = b(m + R u).

    Any m and R are valid. With the moments of f₀, u has mean zero and unit scale under f₀, and a similar scale under
    p(z|x) if q(z|x) is close to it.

    Args:
        distribution: f₀, q(z|x) or p(z).
        prior: p(z).
        bijector: b.
        loc: m [1 or B, D].
        root: R [1 or B, D, D], lower triangular.
        whitens: whether u is N(0, I) under f₀, which defines f₀ then, exactly even if R is rounded.
        origin: "posterior" or "prior".
    """

    distribution: Any
    prior: Any
    bijector: Any
    loc: tf.Tensor
    root: tf.Tensor
    whitens: bool
    origin: str

    def forward(self, u):
        """Returns z [C, B, L] and log |∂z/∂u| [C, B] of points u [C, B, D]."""
        v = self.loc + tf.einsum("bij,cbj->cbi", self._root(u), u)
        log_det = tf.reduce_sum(tf.math.log(tf.linalg.diag_part(self.root)), axis=-1)
        return self.bijector.forward(v), self.bijector.forward_log_det_jacobian(v, event_ndims=1) + log_det

    def inverse(self, z):
        """Returns u [C, B, D] of points z [C, B, L]."""
        v = self.bijector.inverse(z) - self.loc
        columns = tf.transpose(v, [1, 2, 0])  # [B, D, C]
        return tf.transpose(tf.linalg.triangular_solve(self._root(v), columns), [2, 0, 1])

    def log_prob(self, u, z, log_det):
        """Returns log f₀ [C, B] at points u [C, B, D], with z and log_det as `forward` returns."""
        if not self.whitens:
            return self.distribution.log_prob(z) + log_det
        return tf.reduce_sum(tfd.Normal(tf.zeros([], u.dtype), tf.ones([], u.dtype)).log_prob(u), axis=-1)

    def sample(self, chains, examples, seed):
        """Samples u [C, B, D].

        Args:
            chains: C.
            examples: B.
            seed: int32 [2].
        """
        if self.whitens:
            return tf.random.stateless_normal([chains, examples, self.loc.shape[-1]], seed, dtype=self.loc.dtype)
        batched = self.distribution.batch_shape.rank > 0
        return self.inverse(self.distribution.sample([chains] if batched else [chains, examples], seed=seed))

    def _root(self, values):
        return tf.broadcast_to(self.root, tf.concat([tf.shape(values)[1:2], tf.shape(self.root)[1:]], axis=0))


def start_of(vae, x, origin, loc=None, root=None):
    """Returns the `Start` of annealing at data.

    Args:
        vae: a `zoo.VAE`.
        x: data [B, *x].
        origin: "posterior" for f₀ = q(z|x), or "prior" for f₀ = p(z).
        loc: m; None, outside of graphs, to compute it.
        root: R, as `loc`.
    """
    prior, q = vae.prior(encode=vae.posterior_at), vae.posterior(vae.features(x, training=False))
    distribution = q if origin == "posterior" else prior
    if vae.posterior.support == "simplex":
        base, bijector = distribution, CenteredSoftmax()
    elif vae.posterior.support != "real":
        base, bijector = distribution, q.experimental_default_event_space_bijector()
    elif distribution is q and vae.posterior.density_is_sequential and isinstance(q, tfd.TransformedDistribution):
        base, bijector = q.distribution, q.bijector  # in the coordinates of its base, the density is fast and exact
    else:
        base, bijector = distribution, tfb.Identity()
    if loc is None:
        loc, root = _moments(base, bijector)
    return Start(distribution, prior, bijector, loc, root, isinstance(base, NORMALS), origin)


def has_density(vae, x):
    """Returns whether q(z|x) has a density that can be computed.

    Args:
        vae: a `zoo.VAE`.
        x: data [B, *x].
    """
    q = vae.posterior(vae.features(x[:1], training=False))
    try:
        q.log_prob(q.sample(seed=tf.zeros(2, tf.int32)))
    except NotImplementedError:
        return False
    return True


def _moments(base, bijector):
    """Returns m [1 or B, D] and R [1 or B, D, D] with the moments of a distribution, in unconstrained coordinates."""
    if isinstance(base, NORMALS):
        loc, covariance = np.float64(base.mean()), covariance_float64(base)
        spread = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))[..., None]
        correlation = covariance / spread / np.swapaxes(spread, -1, -2) + MIN_SCALE * np.eye(loc.shape[-1])
        root = spread * np.linalg.cholesky(correlation)
    else:
        v = np.float64(bijector.inverse(base.sample(DRAWS, seed=tfp.random.sanitize_seed([0, 1]))))
        loc, spread = v.mean(axis=0), v.std(axis=0)
        root = np.maximum(spread, MIN_SCALE * spread.max(axis=-1, keepdims=True))[..., None] * np.eye(v.shape[-1])
    d = loc.shape[-1]
    return tf.constant(loc.reshape(-1, d), base.dtype), tf.constant(root.reshape(-1, d, d), base.dtype)
