"""The inputs that signatures take, by name: their types and shapes, the values that are in them, and made-up rows.

Made-up rows are the same each time: an export is proved by them, and a server warmed up.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from zoo.data import support as supports

SEED = 20131220


class Input(NamedTuple):
    """An input of signatures.

    Args:
        spec: function of a `zoo.VAE` to the `tf.TensorSpec` of its rows.
        sample: function of a `zoo.VAE` and a NumPy generator to a made-up row.
        support: function of a `zoo.VAE` to the name of the support that its values lie in; None if any will do.
        exists: function of a `zoo.VAE` to whether there are such rows for it.
    """

    spec: Callable
    sample: Callable
    support: Callable = lambda vae: None
    exists: Callable = lambda vae: True


def _data(vae, rng):
    return np.asarray(vae.likelihood.unstandardize(np.float32(supports.get(vae.support).sample(rng, vae.event_shape))))


def _latent(vae, rng):
    return np.float32(supports.get(vae.posterior.support).sample(rng, vae.posterior.event_shape))


def _image(vae, rng):
    """Makes a PNG or a JPEG, of the model's size or of another one."""
    height, width, channels = vae.event_shape
    size = (
        (height, width) if rng.random() < 0.5 else (height + int(rng.integers(1, 9)), width + int(rng.integers(1, 9)))
    )
    levels = rng.integers(0, 256, (*size, channels), dtype=np.uint8)
    encode = tf.io.encode_png if rng.random() < 0.5 else tf.io.encode_jpeg
    return encode(levels).numpy()


def is_of_images(vae):
    """Returns whether x [height, width, channels] is an image."""
    return len(vae.event_shape) == 3 and vae.event_shape[-1] in (1, 3)


DATA = Input(lambda vae: tf.TensorSpec([None, *vae.event_shape], tf.float32), _data, lambda vae: vae.support)
INPUTS = {
    "x": DATA,  # [B, *x] as the model was trained on them, in their own units
    "y": DATA,
    "z": Input(
        lambda vae: tf.TensorSpec([None, vae.latent_size], tf.float32), _latent, lambda vae: vae.posterior.support
    ),
    # Of a row, two numbers that its random draws are a function of.
    "seed": Input(
        lambda vae: tf.TensorSpec([None, 2], tf.int32), lambda vae, rng: rng.integers(0, 2**31, 2, dtype=np.int32)
    ),
    "t": Input(
        lambda vae: tf.TensorSpec([None], tf.float32), lambda vae, rng: np.float32(rng.random()), lambda vae: "real"
    ),
    # PNG or JPEG files.
    "image_bytes": Input(lambda vae: tf.TensorSpec([None], tf.string), _image, exists=is_of_images),
}


def probe_rows(vae, rows):
    """Makes up inputs of every name.

    Args:
        vae: a `zoo.VAE`.
        rows: B.

    Returns:
        name -> array [B, ...]; the first rows are the same for any B.
    """
    generators = [np.random.default_rng([SEED, row]) for row in range(rows)]
    return {
        name: _stacked([entry.sample(vae, rng) for rng in generators])
        for name, entry in INPUTS.items()
        if entry.exists(vae)
    }


def _stacked(values):
    if not isinstance(values[0], bytes):
        return np.stack(values)
    array = np.empty(len(values), object)
    array[:] = values
    return array
