"""Objectives: from the terms of a variational bound to a number for each example."""

import math
from typing import NamedTuple

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.checks import whole_number
from zoo.registry import register

tfd = tfp.distributions


class Terms(NamedTuple):
    """What every bound is made of, in nats: K draws, B examples. The seam between models and objectives.

    Args:
        log_px: [K, B], log p(x|z).
        log_pz: [K, B], log p(z).
        log_qz: [K, B], log q(z|x).
        kl: [B, L] where KL(q(z|x) ‖ p(z)) is a sum over dimensions, else [B, 1]: see `kl_divergence`.
        z: [K, B, L], the draws.
    """

    log_px: tf.Tensor
    log_pz: tf.Tensor
    log_qz: tf.Tensor
    kl: tf.Tensor
    z: tf.Tensor

    @property
    def log_weights(self):
        """log p(x, z) / q(z|x) [K, B], the importance weights."""
        return self.log_px + self.log_pz - self.log_qz


def kl_divergence(q, p, z):
    """KL(q ‖ p) in nats, in closed form where there is one, else estimated from draws.

    Args:
        q: distribution, batch [B], event [L].
        p: distribution, batch [], event [L].
        z: draws from q [K, B, L], used where there is no closed form.

    Returns:
        [B, L], the KL of each dimension, if both are diagonal normals; else [B, 1], the whole.
    """
    if isinstance(q, tfd.MultivariateNormalDiag) and isinstance(p, tfd.MultivariateNormalDiag):
        return tfd.kl_divergence(_marginals(q), _marginals(p))
    try:
        return tfd.kl_divergence(q, p)[..., None]
    except NotImplementedError:
        return tf.reduce_mean(q.log_prob(z) - p.log_prob(z), axis=0)[..., None]


def _marginals(normal):
    return tfd.Normal(normal.loc, normal.stddev())


class Objective(keras.layers.Layer):
    """A lower bound on log p(x), or a surrogate that says what it is: terms ↦ [B], in nats, to be maximised.

    To write one: `call(terms)`. It computes in the precision of the terms.

    Args:
        samples: K, how many draws of z it takes for an example.
    """

    def __init__(self, samples=1, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        self.samples = whole_number(samples, "samples")

    def get_config(self):
        return super().get_config() | {"samples": self.samples}


@register("objective", "elbo")
class ELBO(Objective):
    """E_q[log p(x|z)] − β KL(q(z|x) ‖ p(z)).

    At β = 1 the evidence lower bound (Kingma & Welling, 2014, arXiv:1312.6114); at β > 1 a looser lower
    bound (β-VAE, Higgins et al., 2017); at β < 1 no bound.

    `annealing`, a number from 0 to 1 that multiplies β, is state, not configuration: a warm-up raises
    it, and it is saved with the weights.

    Args:
        beta: β, the weight of the KL.
        free_bits: λ, nats of KL a latent dimension that cost no more than they do at λ (Kingma et al.,
            2016, arXiv:1606.04934, equation 15): each dimension's mean KL over the batch counts as at
            least λ. Where the KL is no sum over dimensions, the whole counts as at least λ L.
        samples: K, draws for an example.
    """

    def __init__(self, beta=1.0, free_bits=0.0, **kwargs):
        super().__init__(**kwargs)
        if not (0 <= beta < math.inf and 0 <= free_bits < math.inf):
            raise ValueError(f"Expected beta ≥ 0 and free_bits ≥ 0, got beta={beta!r} and free_bits={free_bits!r}.")
        self.beta, self.free_bits = float(beta), float(free_bits)

    def build(self, terms_shape=None):
        self.annealing = self.add_weight(shape=(), initializer="ones", trainable=False, name="annealing")
        super().build(terms_shape)

    def call(self, terms):
        beta = tf.cast(self.beta * tf.convert_to_tensor(self.annealing), terms.kl.dtype)
        return tf.reduce_mean(terms.log_px, axis=0) - beta * self._kl(terms)

    def _kl(self, terms):
        if self.free_bits == 0:
            return tf.reduce_sum(terms.kl, axis=-1)  # [B]
        floor = self.free_bits * terms.z.shape[-1] / terms.kl.shape[-1]
        mean = tf.reduce_mean(terms.kl, axis=0)  # [L] or [1]
        return tf.reduce_sum(tf.maximum(mean, tf.cast(floor, mean.dtype))) * tf.ones_like(terms.kl[:, 0])

    def get_config(self):
        return super().get_config() | {"beta": self.beta, "free_bits": self.free_bits}
