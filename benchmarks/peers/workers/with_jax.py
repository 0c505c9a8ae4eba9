"""Training steps in JAX with optax: one jitted step a call, or `lax.scan` over ten."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax, random
from jax.nn import logsumexp, relu, sigmoid, softplus

from benchmarks.peers.workers.protocol import seconds_of, serve
from benchmarks.peers.workers.task import LEARNING_RATE, SCALE_FLOOR, SHIFT, Task, batches, images

SCANNED = 10  # steps in a call
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
LAYOUT = ("NHWC", "HWIO", "NHWC")


def initialized(task, key):
    """Returns the weights of a task's model, a dict of pairs."""
    keys = iter(random.split(key, 32))
    d, n, hidden, factor = task.latent, task.pixels, task.hidden, 2 if task.network == "gated_mlp" else 1
    weights = {}

    def layer(name, inputs, outputs, kernel=()):
        fan_in = inputs * math.prod(kernel)
        scale = math.sqrt(2 / fan_in)
        weights[name] = scale * random.normal(next(keys), (*kernel, inputs, outputs)), jnp.zeros(outputs)

    if task.network == "conv":
        flat = 64 * (-(-task.side // 4)) ** 2
        features = 256
        layer("conv0", 1, 32, (4, 4))
        layer("conv1", 32, 64, (4, 4))
        layer("encoder", flat, features)
        layer("decoder", d, flat)
        layer("up0", 64, 32, (4, 4))
        layer("up1", 32, 32, (4, 4))
        layer("logits", 32, 1)
    else:
        features = hidden
        layer("encoder0", n, factor * hidden)
        layer("encoder1", hidden, factor * hidden)
        layer("decoder0", d, factor * hidden)
        layer("decoder1", hidden, factor * hidden)
        layer("logits", hidden, n)
    if task.posterior == "hierarchical":
        top = d // 2
        layer("upper", features, 2 * top)
        layer("gated", features + top, 600)
        layer("lower", 300, 2 * (d - top))
        layer("prior0", top, 600)
        layer("prior1", 300, 600)
        layer("prior2", 300, 2 * (d - top))
    else:
        layer("params", features, task.params_size)
    for name in ("params", "upper", "lower", "prior2"):
        if name in weights:
            weights[name] = 0.1 * weights[name][0], weights[name][1]
    if task.prior == "vamp":
        weights["pseudo_inputs"] = random.uniform(next(keys), (task.components, n))
    return weights


def dense(w, name, h):
    """Returns an affine map of h."""
    kernel, bias = w[name]
    return h @ kernel + bias


def gated(w, name, h):
    """Returns a gated dense layer of h."""
    linear, gate = jnp.split(dense(w, name, h), 2, axis=-1)
    return linear * sigmoid(gate)


def hidden_layer(task, w, name, h):
    """Returns a hidden layer of h."""
    return gated(w, name, h) if task.network == "gated_mlp" else relu(dense(w, name, h))


def encode(task, w, x):
    """Returns features [B, h]."""
    if task.network != "conv":
        return hidden_layer(task, w, "encoder1", hidden_layer(task, w, "encoder0", x))
    h = x.reshape(-1, task.side, task.side, 1)
    for name in ("conv0", "conv1"):
        kernel, bias = w[name]
        h = relu(lax.conv_general_dilated(h, kernel, (2, 2), "SAME", dimension_numbers=LAYOUT) + bias)
    return relu(dense(w, "encoder", h.reshape(len(x), -1)))


def decode(task, w, z):
    """Returns logits [..., pixels]."""
    if task.network != "conv":
        return dense(w, "logits", hidden_layer(task, w, "decoder1", hidden_layer(task, w, "decoder0", z)))
    quarter = -(-task.side // 4)
    h = relu(dense(w, "decoder", z)).reshape(-1, quarter, quarter, 64)
    for name in ("up0", "up1"):
        kernel, bias = w[name]
        h = relu(lax.conv_transpose(h, kernel, (2, 2), "SAME", dimension_numbers=LAYOUT) + bias)
    return dense(w, "logits", h).reshape(*z.shape[:-1], task.pixels)


def positive(raw):
    """Returns standard deviations."""
    return softplus(raw + SHIFT) + SCALE_FLOOR


def log_normal(noise, scale):
    """Returns the log density of a draw μ + σ ε, summed over the last axis."""
    return -0.5 * jnp.sum(noise**2, -1) - jnp.sum(jnp.log(scale), -1) - noise.shape[-1] * HALF_LOG_2PI


def log_bernoulli(logits, x):
    """Returns log p(x|z), summed over the last axis."""
    return jnp.sum(x * logits - softplus(logits), -1)


def loss_of(task, w, x, key):
    """Returns minus the mean of the bound."""
    h, shape = encode(task, w, x), (task.samples, len(x), task.latent)
    if task.posterior == "hierarchical":
        return two_layers(task, w, h, x, key)
    if task.posterior == "tril":
        return full_covariance(task, w, h, x, key)
    mean, raw = jnp.split(dense(w, "params", h), 2, axis=-1)
    scale, noise = positive(raw), random.normal(key, shape)
    z = mean + scale * noise  # [K, B, L]
    log_px = log_bernoulli(decode(task, w, z), x)
    if task.samples > 1:
        log_w = log_px - 0.5 * jnp.sum(z**2, -1) - task.latent * HALF_LOG_2PI - log_normal(noise, scale)
        return -jnp.mean(logsumexp(log_w, axis=0) - math.log(task.samples))
    if task.prior == "vamp":
        return jnp.mean(log_normal(noise, scale) - log_vamp(task, w, z[0]) - log_px)
    kl = 0.5 * jnp.sum(scale**2 + mean**2 - 1, -1) - jnp.sum(jnp.log(scale), -1)
    return jnp.mean(kl - log_px)


def full_covariance(task, w, h, x, key):
    """Returns the loss with q(z|x) = N(μ, L Lᵀ)."""
    d = task.latent
    mean, raw, below = jnp.split(dense(w, "params", h), [d, 2 * d], axis=-1)
    scale, noise = positive(raw), random.normal(key, (len(x), d))
    rows, columns = np.tril_indices(d, -1)
    lower = jnp.zeros((len(x), d, d)).at[:, rows, columns].set(below)
    z = mean + scale * noise + jnp.einsum("bij,bj->bi", lower, noise)
    kl = 0.5 * (jnp.sum(scale**2 + mean**2 - 1, -1) + jnp.sum(below**2, -1)) - jnp.sum(jnp.log(scale), -1)
    return jnp.mean(kl - log_bernoulli(decode(task, w, z), x))


def log_vamp(task, w, z):
    """Returns log p(z) of the VampPrior, by matrix products."""
    mean, raw = jnp.split(dense(w, "params", encode(task, w, w["pseudo_inputs"])), 2, axis=-1)
    scale = positive(raw)
    inverse = scale**-2  # [M, L]
    offset = 0.5 * jnp.sum(mean**2 * inverse, -1) + jnp.sum(jnp.log(scale), -1) + math.log(task.components)
    log_p = -0.5 * z**2 @ inverse.T + z @ (mean * inverse).T - offset
    return logsumexp(log_p, axis=-1) - task.latent * HALF_LOG_2PI


def two_layers(task, w, h, x, key):
    """Returns the loss of a model with two stochastic layers."""
    keys = random.split(key)
    mean, raw = jnp.split(dense(w, "upper", h), 2, axis=-1)
    scale, noise = positive(raw), random.normal(keys[0], mean.shape)
    z2 = mean + scale * noise
    log_qz, log_pz = log_normal(noise, scale), log_normal(z2, jnp.ones_like(z2))
    mean, raw = jnp.split(dense(w, "lower", gated(w, "gated", jnp.concatenate([h, z2], -1))), 2, axis=-1)
    scale, noise = positive(raw), random.normal(keys[1], mean.shape)
    z1 = mean + scale * noise
    prior_mean, prior_raw = jnp.split(dense(w, "prior2", gated(w, "prior1", gated(w, "prior0", z2))), 2, axis=-1)
    prior_scale = positive(prior_raw)
    log_qz += log_normal(noise, scale)
    log_pz += log_normal((z1 - prior_mean) / prior_scale, prior_scale)
    return jnp.mean(log_qz - log_pz - log_bernoulli(decode(task, w, jnp.concatenate([z2, z1], -1)), x))


def prepare(settings):
    """Builds the model of a task and warms it up.

    Args:
        settings: of a `Task`; and `form`: step or scan.
    """
    task, adam = Task.of(settings), optax.adam(LEARNING_RATE)
    data, rng = jnp.asarray(images(task.examples, task.pixels), jnp.float32), np.random.default_rng(1)

    def step(state, x):
        w, moments, key = state
        key, draws = random.split(key)
        loss, gradients = jax.value_and_grad(partial(loss_of, task))(w, x, draws)
        updates, moments = adam.update(gradients, moments)
        w = optax.apply_updates(w, updates)
        if task.prior == "vamp":
            w = w | {"pseudo_inputs": jnp.clip(w["pseudo_inputs"], 0, 1)}
        return (w, moments, key), loss

    if settings["form"] == "scan":
        call = jax.jit(lambda state, data, index: lax.scan(step, state, data[index]), donate_argnums=0)
    else:
        call = jax.jit(lambda state, data, index: step(state, data[index]), donate_argnums=0)
    w = initialized(task, random.key(0))
    state = w, adam.init(w), random.key(1)

    def steps():
        nonlocal state
        indices = np.stack(list(batches(task, rng))).astype(np.int32)
        if settings["form"] == "scan":
            indices = indices.reshape(-1, SCANNED, task.batch)
        for index in indices:
            state, loss = call(state, data, index)
        if not np.isfinite(np.asarray(loss)).all():
            raise FloatingPointError(f"The loss is {loss}.")

    steps()
    facts = {"versions": {"jax": jax.__version__, "optax": optax.__version__}}
    facts["parameters"] = sum(leaf.size for leaf in jax.tree.leaves(state[0]))
    return lambda: {"seconds": seconds_of(steps, task.steps)}, facts


if __name__ == "__main__":
    serve(prepare)
