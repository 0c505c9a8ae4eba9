"""Rows that a model takes, made up: to prove an export by, and to warm a server up with. The same ones each time."""

import numpy as np
import tensorflow as tf

from zoo.data import support as supports

SEED = 20131220


def inputs(vae, rows):
    """Inputs of every name that signatures have, see `export.signatures`.

    Args:
        vae: a `zoo.VAE`.
        rows: B.

    Returns:
        name -> array [B, ...]; the first rows are the same whatever B is. Of models that are not of images,
        `image_bytes` is missing.
    """
    made = [_row(vae, np.random.default_rng([SEED, row])) for row in range(rows)]
    return {name: _stacked([row[name] for row in made]) for name in made[0]}


def _stacked(values):
    if not isinstance(values[0], bytes):
        return np.stack(values)
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _row(vae, rng):
    row = {
        "x": _data(vae, rng),
        "y": _data(vae, rng),
        "z": _latent(vae, rng),
        "seed": rng.integers(0, 2**31, 2, dtype=np.int32),
        "t": np.float32(rng.random()),
    }
    if len(vae.event_shape) == 3 and vae.event_shape[-1] in (1, 3):
        row["image_bytes"] = _image(vae.event_shape, rng)
    return row


def _data(vae, rng):
    return np.asarray(vae.likelihood.raw(np.float32(supports.get(vae.support).sample(rng, vae.event_shape))))


def _latent(vae, rng):
    return np.float32(supports.get(vae.posterior.space).sample(rng, vae.posterior.event_shape))


def _image(shape, rng):
    """A PNG, or a JPEG, of the model's size or of another one."""
    height, width, channels = shape
    size = (
        (height, width) if rng.random() < 0.5 else (height + int(rng.integers(1, 9)), width + int(rng.integers(1, 9)))
    )
    levels = rng.integers(0, 256, (*size, channels), dtype=np.uint8)
    encode = tf.io.encode_png if rng.random() < 0.5 else tf.io.encode_jpeg
    return encode(levels).numpy()
