"""A prior that follows the posterior: fitted to encoded data before training, so that it is not stale."""

import math

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zoo.checks import check_int, check_seed
from zoo.data import support as supports
from zoo.model.tuning.freezing import frozen
from zoo.model.tuning.lora import without_lora
from zoo.registry import spec_of

BATCH_SIZE = 500
CODES = 20_000  # draws of q(z), at most one per example beyond that many examples
LEARNING_RATE = 1e-2
HELD_OUT = 5  # one example of so many measures log p(z), and its codes are not fitted


def refresh(vae, x, steps=1_000, seed=0, progress=False):
    """Fits the prior and the samplers to the codes of data; see `VAE.refresh_prior`."""
    steps, seed = check_int(steps, "steps", minimum=0), check_seed(seed)
    supports.check_examples(x, vae.event_shape, vae.support)
    said = _prior(vae, x, steps, seed, progress)
    fitted, removed = vae.samplers.refit(without_lora(vae), x)
    if fitted:
        said += f" Fitted again: the samplers {', '.join(fitted)}."
    if removed:
        said += f" Removed, because they cannot be fitted to {len(x):,} examples: the samplers {', '.join(removed)}."
    return said


def _prior(vae, x, steps, seed, progress):
    prior, name = vae.prior, spec_of(vae.prior)
    if not prior.weights:
        return f"The prior {name} has no weights to refresh."
    if "prior" in frozen(vae):
        return f"The prior {name} is frozen and was not refreshed."
    order = np.random.default_rng(seed).permutation(len(x))
    held_out = len(x) // HELD_OUT
    codes = draw_codes(vae, x[np.sort(order[held_out:])], seed)
    measured = draw_codes(vae, x[np.sort(order[:held_out])], seed) if held_out else codes
    before = log_density(vae, measured)
    prior.adapt(x)
    if prior.code_weights:
        _fit(vae, codes, measured, steps, seed, progress)
    after = log_density(vae, measured)
    _restart_averages(vae)
    change = f"E log p(z) under q(z) went from {before:.2f} to {after:.2f} nats."
    if prior.pseudo_inputs is not None:
        return f"The pseudo-inputs of the prior {name} start at training examples, of {len(x):,}: {change}"
    return f"The prior {name} was fitted to codes of {len(x):,} examples: {change}"


def draw_codes(vae, x, seed):
    """Draws from the aggregated posterior: in turn for each example, so that any part of the draws is of all examples.

    Args:
        vae: a `zoo.VAE`.
        x: data [N, *x].
        seed: random seed.

    Returns:
        z [K N, L] as an array, K N about `CODES`, or N if that is more.
    """
    draws, chunks = max(1, math.ceil(CODES / len(x))), []
    for i in range(0, len(x), BATCH_SIZE):
        q = vae.encode(np.asarray(x[i : i + BATCH_SIZE], "float32"))
        chunks.append(np.asarray(q.sample(draws, seed=[seed, i])))
    z = np.concatenate(chunks, axis=1)  # [K, N, L]
    return np.random.default_rng(seed).permutation(z.reshape(-1, z.shape[-1]))


def log_density(vae, z):
    """Returns the mean of log p(z) over draws [N, L], in nats.

    Args:
        vae: a `zoo.VAE`.
        z: draws [N, L].
    """
    p = vae.prior(encode=vae.posterior_at)
    return float(np.mean([np.mean(p.log_prob(part)) for part in np.array_split(z, math.ceil(len(z) / BATCH_SIZE))]))


def _fit(vae, z, measured, steps, seed, progress):
    """Maximizes log p(z) of draws in the prior's weights; keeps the old ones if that of others does not rise."""
    prior, weights = vae.prior, vae.prior.code_weights
    old, best = [np.array(weight) for weight in weights], log_density(vae, measured)
    prior.start_at_codes(z[:CODES], seed)
    if steps:
        _ascend(vae, z, steps, seed, progress)
    if not log_density(vae, measured) >= best:  # also for NaN
        for weight, value in zip(weights, old, strict=True):
            weight.assign(value)


def _ascend(vae, z, steps, seed, progress):
    weights = vae.prior.code_weights
    adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps), global_clipnorm=10.0)
    adam.build(weights)

    @tf.function
    def step(z):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([weight.value for weight in weights])
            loss = -tf.reduce_mean(vae.prior(encode=vae.posterior_at).log_prob(z))
        adam.apply(tape.gradient(loss, weights), weights)

    rng, size = np.random.default_rng(seed), min(BATCH_SIZE, len(z))
    for _ in tqdm(range(steps), "refresh the prior", disable=not progress, leave=False):
        step(tf.constant(z[rng.integers(0, len(z), size)]))


def _restart_averages(vae):
    """Assigns the prior's weights to their moving averages, if the model is being trained with some."""
    if not vae.compiled or not vae.optimizer.built:
        return
    own = {id(weight) for weight in vae.prior.trainable_weights}
    for weight, average in zip(vae.trainable_variables, vae.averages, strict=False):
        if id(weight) in own:
            average.assign(weight)
