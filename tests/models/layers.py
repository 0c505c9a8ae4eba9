"""Built posteriors and priors whose weights are far from their initial ones."""

import numpy as np
import tensorflow as tf

from zoo import registry


def numbers(*shape, scale=0.5, seed=0):
    return np.random.default_rng(seed).normal(0, scale, shape)


def singles(*shape, **options):
    """`numbers` in single precision."""
    return np.float32(numbers(*shape, **options))


def wild(layer, scale=0.5):
    """Gives a layer's weights values far from its initial ones."""
    layer.set_weights([numbers(*w.shape, scale=scale, seed=i) for i, w in enumerate(layer.get_weights())])
    return layer


def posterior(spec, latent, features=6, dtype="float64", scale=0.5):
    """A built posterior of that spec, far from its initial weights."""
    layer = registry.build("posterior", spec, event_shape=(latent,), dtype=dtype)
    layer.build((None, features))
    return wild(layer, scale)


def open_posterior(spec, latent, dtype="float64"):
    """A posterior whose features are its parameters."""
    size = registry.build("posterior", spec, event_shape=(latent,)).params_size
    layer = posterior(spec, latent, features=size, dtype=dtype)
    layer.set_weights([np.eye(size), np.zeros(size), *layer.get_weights()[2:]])
    return layer


def prior(spec, latent, dtype="float32", scale=0.5):
    """A built prior of that spec, far from its initial weights."""
    layer = registry.build("prior", spec, event_shape=(latent,), dtype=dtype)
    layer.build((None, 4))
    return wild(layer, scale)


def numeric_gradient(f, params, step=1e-5):
    """Of a scalar function, by central differences."""
    return np.array([(f(params + e) - f(params - e)) / (2 * step) for e in step * np.eye(len(params))])


def gradients_of_draws(layer, params, f, n):
    """The gradient [n, size] of f(z) by the parameters, for each of n draws."""
    h = tf.constant(np.tile(params, (n, 1)), layer.compute_dtype)
    with tf.GradientTape() as tape:
        tape.watch(h)
        value = f(layer(h).sample(seed=[1, 2]))
    return tape.gradient(value, h).numpy().astype(np.float64)
