"""The ELBO of each example as a function of the parameters of its q(z|x), and its gradient."""

import math
from functools import partial

import tensorflow as tf


def one_row(function, rows):
    """Applies a function of a row to the only row of tensors [1, ...].

    Args:
        function: of a tensor, or of a tuple of tensors, without the row axis; to tensors.
        rows: a tensor or a tuple of them.
    """
    return tf.nest.map_structure(lambda output: output[None], function(tf.nest.map_structure(lambda t: t[0], rows)))


def all_rows(function, rows):
    """Applies a function of a row to the rows of tensors [B, ...] at once. Every row gets the same random numbers.

    Args:
        function: of a tensor, or of a tuple of tensors, without the row axis; to tensors.
        rows: a tensor or a tuple of them.
    """
    return tf.vectorized_map(function, rows, warn=False)


def log_joint(vae, prior, x, z):
    """Returns log p(x, z) [B, K].

    Args:
        vae: a `zoo.VAE`.
        prior: p(z).
        x: data [B, *x].
        z: latent points [B, K, L].
    """
    z = tf.einsum("bkl->kbl", z)
    return tf.transpose(vae.decode(z).log_prob(x) + prior.log_prob(z))


def draw(layer, params, samples, seed, stopped=False):
    """Samples q(z|x) of one example.

    Args:
        layer: the posterior, whose `distribution` maps parameters to q(z|x).
        params: [P].
        samples: K; of a mixture, each of M components is sampled ⌈K/M⌉ times.
        seed: int32 [2].
        stopped: whether log q(z|x) has no gradient with respect to the parameters except through z. This leaves out a
            term whose expectation is zero, and so all variance where q(z|x) is the true posterior (Roeder et al.,
            2017, arXiv:1703.09194).

    Returns:
        z [K, L], log q(z|x) [K], and the log-weights of the draws in means [K].
    """
    q = layer.distribution(params[None])
    if layer.has_strata:
        z, log_draw_weights = q.sample_strata(math.ceil(samples / layer.components), seed)
        log_qz = q.log_prob(z)
    else:
        z, log_qz = q.experimental_sample_and_log_prob(samples, seed=seed)
        log_draw_weights = tf.fill(tf.shape(log_qz), tf.constant(-math.log(samples), log_qz.dtype))
    if stopped:
        log_qz = layer.distribution(tf.stop_gradient(params)[None]).log_prob(z)
    return z[:, 0], log_qz[:, 0], log_draw_weights[:, 0]


def elbo(log_joint, layer, params, samples, seed, rows=all_rows):
    """Estimates E_q log p(x, z) / q(z|x) of each example from draws that are the same for all examples.

    Args:
        log_joint: function of z [B, K, L] to log p(x, z) [B, K].
        layer: see `draw`.
        params: [B, P].
        samples: K.
        seed: int32 [2].
        rows: `all_rows` or `one_row`.

    Returns:
        [B].
    """
    z, log_qz, log_draw_weights = rows(partial(draw, layer, samples=samples, seed=seed), params)
    return tf.reduce_sum(tf.exp(log_draw_weights) * (log_joint(z) - log_qz), axis=-1)


def elbo_gradient(log_joint, layer, params, samples, seed, rows=all_rows):
    """Computes the gradient of `elbo`, except for a term of expectation zero: see `draw`. Takes its arguments.

    Returns:
        [B, P].
    """
    # The density of a flow at a given point would take L passes.
    of_row = partial(draw, layer, samples=samples, seed=seed, stopped=not layer.density_is_sequential)
    draws = rows(of_row, params)
    with tf.GradientTape() as tape:
        tape.watch(draws)
        z, log_qz, log_draw_weights = draws
        bound = tf.reduce_sum(tf.exp(log_draw_weights) * (log_joint(z) - log_qz))
    upstream = tape.gradient(bound, draws)

    # In the function of a row, because `tf.vectorized_map` drops the custom gradients of what it vectorizes.
    def backward(row):
        params, *upstream = row
        with tf.GradientTape() as tape:
            tape.watch(params)
            draws = of_row(params)
        return tape.gradient(draws, params, upstream)

    return rows(backward, (params, *upstream))
