"""Forward passes through the parts of a model."""

import keras
import tensorflow as tf

import zoo.memory as memory
from zoo.data import support as supports
from zoo.distributions import kl_divergence
from zoo.objectives import Terms
from zoo.probability import tfp


def check_eagerly(vae, x):
    """Checks the shape and support of data in eager mode, and returns them as an array or tensor.

    Args:
        vae: a `zoo.VAE`.
        x: data [B, *x].

    Raises:
        ValueError: `x` has another shape than the model's, or is outside of its support.
    """
    if tf.executing_eagerly() and not keras.backend.is_keras_tensor(x):
        x = supports.as_examples(x)
        supports.check_examples(x, vae.event_shape, vae.support)
    return x


def encoder_features(vae, x, training=None):
    """Computes h, the encoder's features, in the compute dtype of the posterior.

    Args:
        vae: a `zoo.VAE`.
        x: data [B, *x].
        training: whether the encoder runs in training mode; None for the mode that the model is called in.

    Raises:
        ValueError: `x` has another shape than the model's.
    """
    mode = {} if training is None else {"training": training}  # Keras treats None as False
    x = supports.as_batch(x, vae.event_shape, vae.variable_dtype)
    h = vae.encoder(vae.likelihood.standardize(x), **mode)
    # Keras casts the arguments of a posterior's `call`, but not of its `params` and `distribution`.
    return tf.cast(h, vae.posterior.compute_dtype)


def decoder_features(vae, z):
    """Computes the decoder's features.

    Args:
        vae: a `zoo.VAE`.
        z: latent points [..., L].

    Returns:
        h, [...] and the axes of the decoder's output for one point.

    Raises:
        ValueError: the last axis of `z` is not L, or the outputs for so many points do not fit into memory.
    """
    z = tf.convert_to_tensor(supports.as_examples(z, "latent points"), vae.posterior.compute_dtype)
    if z.shape[-1:] != (vae.latent_size,):
        raise ValueError(f"Expected latent points of shape [..., {vae.latent_size}], got {list(z.shape)}.")
    memory.check_points(vae.decoder, z.shape[:-1].num_elements(), "latent points")
    h = vae.decoder(tf.reshape(z, [-1, vae.latent_size]))
    return tf.reshape(h, tf.concat([tf.shape(z)[:-1], h.shape[1:]], axis=0))


def terms(vae, x, sample_fn, statistic_fn, seed):
    """Computes the terms of the variational bounds on log p(x).

    Args:
        vae: a `zoo.VAE`.
        x: data [B, *x].
        sample_fn: function of the posterior, h and a seed that samples z, such as `Objective.sample_posterior`.
        statistic_fn: function such as `Objective.batch_statistic`.
        seed: int32 [2].

    Returns:
        `zoo.objectives.Terms`.
    """
    x = supports.as_batch(x, vae.event_shape, vae.variable_dtype)
    sample_seed, statistic_seed = tfp.random.split_seed(seed, 2)
    q, z, log_qz, log_draw_weights = sample_fn(vae.posterior, vae.features(x), sample_seed)
    p = vae.prior(encode=vae.posterior_at)
    log_px, log_pz = vae.decode(z).log_prob(x), p.log_prob(z)  # [K, B]
    kl = kl_divergence(q, p, log_qz, log_pz, z, log_draw_weights)
    return Terms(log_px, log_pz, log_qz, kl, z, statistic_fn(q, p, z, statistic_seed), log_draw_weights)
