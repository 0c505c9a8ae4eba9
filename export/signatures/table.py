"""The serving signatures: a function each, rows of tensors ↦ rows of tensors.

A new one is a function of a `FrozenModel` and of inputs by their names, see `export.signatures.inputs`, that returns a
dictionary of tensors whose first axes are the rows. Output row i depends only on input row i.
"""

import tensorflow as tf

from export.signatures.entry import signature
from export.signatures.frozen_model import each_row
from export.signatures.posterior_parameters import parameters
from export.signatures.refined import refined
from zoo.data import images
from zoo.distributions import kl_divergence
from zoo.model.scores import estimate
from zoo.objectives import Terms

DEFAULT = "reconstruct"  # the one that is `serving_default` too


@signature(unit="data", takes_bytes=True)
def reconstruct(model, x):
    """Returns the mean of p(x|z) at the mean of q(z|x)."""
    return {"mean": model.mean(code(model, x))}


@signature(takes_bytes=True)
def encode(model, x):
    """Returns q(z|x): its mean `loc` and the parameters of its family."""
    h = model.features(x)
    return parameters(model.vae.posterior(h)) | {"loc": model.location(h)}


@signature(takes_bytes=True, exists=lambda model: model.knows_covariance)
def encode_covariance(model, x):
    """Returns the covariance of q(z|x); apart from `encode`, whose answers it would make twice as long."""
    return {"covariance": model.covariance(model.features(x))}


@signature
def encode_sample(model, x, seed):
    """Samples z from q(z|x)."""
    return {"z": each_row(lambda h, seed: model.posterior(h[None]).sample(seed=seed)[0], model.features(x), seed)}


@signature(unit="data")
def decode(model, z):
    """Returns mean and, where the likelihood has one, standard deviation of p(x|z)."""
    px = model.vae.decode(z)
    try:
        return {"mean": px.mean(), "stddev": px.stddev()}
    except NotImplementedError:
        return {"mean": px.mean()}


@signature(exists=lambda model: model.is_of_images)
def decode_png(model, z):
    """Returns the mean of p(x|z) as a PNG file."""
    levels = images.to_levels(model.mean(z), model.vae.support)
    return {"image_bytes": tf.map_fn(tf.io.encode_png, levels, fn_output_signature=tf.string)}


@signature(unit="data")
def sample_prior(model, seed):
    """Samples z from p(z), and returns the mean of p(x|z) there."""
    return sampled(model, model.prior(), seed)


@signature(unit="data", exists=lambda model: model.aggregated is not None)
def sample_aggregated(model, seed):
    """Samples z from the aggregated posterior, and returns the mean of p(x|z) there."""
    return sampled(model, model.aggregated(), seed)


@signature(unit="nats", takes_bytes=True)
def score(model, x, seed):
    """Estimates ELBO, log p(x), −E_q log p(x|z) and KL(q(z|x) ‖ p(z)) in nats, as `zoo.VAE.score`, by seeds of rows."""
    vae, h = model.vae, model.features(x)

    def drawn(x, h, seed):
        z, log_qz = model.posterior(h[None]).experimental_sample_and_log_prob(model.samples, seed=seed)  # [K, 1, ...]
        return z[:, 0], log_qz[:, 0], vae.decode(z[:, 0]).log_prob(x)

    return estimated(model, vae.posterior(h), each_row(drawn, x, h, seed))


@signature(unit="refined", takes_bytes=True, exists=lambda model: model.refine_steps)
def encode_refined(model, x, seed):
    """Returns the refined q(z|x), see `zoo.VAE.refine`: its mean `loc` and the parameters of its family."""
    posterior = model.vae.posterior

    def of_row(x, h, seed):
        q, params, _ = refined(model, x, h, seed)
        return params[0], q.mean()[0]

    params, loc = each_row(of_row, x, model.features(x), seed)
    return parameters(posterior.distribution(params)) | {"loc": loc}


@signature(unit="nats", takes_bytes=True, exists=lambda model: model.refine_steps)
def score_refined(model, x, seed):
    """Estimates what `score` does, from draws of the refined q(z|x), and by how much the refinement raised the ELBO."""
    vae = model.vae

    def of_row(x, h, seed):
        q, params, gap = refined(model, x, h, seed)
        z, log_qz = q.experimental_sample_and_log_prob(model.samples, seed=seed)  # [K, 1, ...]
        return params[0], gap[0], z[:, 0], log_qz[:, 0], vae.decode(z[:, 0]).log_prob(x)

    params, gap, *drawn = each_row(of_row, x, model.features(x), seed)
    return estimated(model, vae.posterior.distribution(params), drawn) | {"amortization_gap": gap}


@signature(unit="data")
def interpolate(model, x, y, t):
    """Returns the mean of p(x|z) at z = (1 − t) E q(z|x) + t E q(z|y)."""
    start, end = tf.split(code(model, tf.concat([x, y], axis=0)), 2)
    t = t[:, None]
    return {"mean": model.mean((1 - t) * start + t * end)}


def estimated(model, q, drawn):
    """Estimates ELBO, log p(x), −E_q log p(x|z) and KL(q(z|x) ‖ p(z)) in nats.

    Args:
        model: a `FrozenModel`.
        q: q(z|x), batch [B].
        drawn: draws z [B, K, L] of it, log q(z|x) [B, K] and log p(x|z) [B, K].
    """
    z, log_qz, log_px = (tf.einsum("bk...->kb...", rows) for rows in drawn)
    p, draws = model.prior(), tf.TensorShape([model.samples, None])
    log_px, log_pz, log_qz = (tf.ensure_shape(log, draws) for log in (log_px, p.log_prob(z), log_qz))  # [K, B]
    terms = Terms(log_px, log_pz, log_qz, kl_divergence(q, p, log_qz, log_pz, z), z, batch_statistic=tf.zeros([]))
    scores = estimate(terms)
    return {name: getattr(scores, name) for name in ("elbo", "log_likelihood", "reconstruction", "kl")}


def code(model, x):
    """Returns the mean of q(z|x): data [B, *x] ↦ [B, L]."""
    return model.location(model.features(x))


def sampled(model, distribution, seed):
    """Samples z from a distribution for each seed [B, 2], and returns the mean of p(x|z) there."""
    z = each_row(lambda seed: distribution.sample(seed=seed), seed)
    return {"z": z, "mean": model.mean(z)}
