"""Models of a few matrices, with the signatures of an exported VAE, for a stand-in server."""

import io

import numpy as np
from PIL import Image

from tests.servers.stand_in_server import Functions

LATENT = 2
FLOAT = np.float32


def weights(size):
    """The matrix [size, 2] that codes are made by."""
    return np.linspace(-1, 1, size * LATENT, dtype=FLOAT).reshape(size, LATENT)


def noise(seed):
    """Numbers [B, 2] of seeds [B, 2], a row of its own seed alone."""
    return np.stack([np.random.default_rng(row.astype(np.uint32)).normal(size=LATENT) for row in seed]).astype(FLOAT)


def png(pixels):
    """The bytes of a PNG file of uint8 [height, width]."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def linear_model(shape):
    """A model of rows of a shape; of images, in [0, 1], where it is (height, width, 1).

    Args:
        shape: of one row.

    Returns:
        `Functions`.
    """
    size = int(np.prod(shape))
    w, x, z, seed = weights(size), (FLOAT, (None, *shape)), (FLOAT, (None, LATENT)), (np.int32, (None, 2))
    mean, number, matrix = {"mean": x}, (FLOAT, (None,)), (FLOAT, (None, LATENT, LATENT))

    def encode(x):
        if x.shape[1:] != shape:
            raise ValueError(f"shape {x.shape}")
        loc = x.reshape(len(x), size) @ w
        return {"loc": loc, "scale_diag": np.exp(loc / 9)}

    def encode_covariance(x):
        loc = encode(x)["loc"]
        return {"covariance": loc[:, :, None] * loc[:, None, :]}

    def decode(z):
        return {"mean": 1 / (1 + np.exp(-(z @ w.T))).reshape(len(z), *shape)}

    def sample(seed):
        return {"z": noise(seed)} | decode(noise(seed))

    def score(x, seed):
        squares = np.square(x).reshape(len(x), size).sum(axis=1)
        return {"elbo": -squares - 1, "log_likelihood": -squares, "kl": noise(seed)[:, 0]}

    def reconstruct(x):
        return {"mean": x / 2}

    codes = {"loc": z, "scale_diag": z}
    scores = {"elbo": number, "log_likelihood": number, "kl": number}
    table = {
        "serving_default": ({"x": x}, mean, reconstruct),
        "reconstruct": ({"x": x}, mean, reconstruct),
        "encode": ({"x": x}, codes, encode),
        "encode_covariance": ({"x": x}, {"covariance": matrix}, encode_covariance),
        "decode": ({"z": z}, mean, decode),
        "sample_prior": ({"seed": seed}, {"z": z} | mean, sample),
        "score": ({"x": x, "seed": seed}, scores, score),
    }
    if len(shape) == 3:
        table |= _of_images(shape, table)
    return Functions(table)


def _of_images(shape, table):
    text = (bytes, (None,))

    def pixels(image_bytes):
        try:
            images = [np.asarray(Image.open(io.BytesIO(content)).resize(shape[1::-1])) for content in image_bytes]
        except OSError as error:
            raise ValueError("not an image") from error
        return np.stack(images).reshape(-1, *shape).astype(FLOAT) / 255

    def decode_png(z):
        levels = np.round(255 * table["decode"][2](z)["mean"][..., 0]).astype(np.uint8)
        return {"image_bytes": np.array([png(image) for image in levels], object)}

    def with_bytes(inputs, outputs, function):
        def of_bytes(image_bytes, **others):
            return function(pixels(image_bytes), **others)

        return {"image_bytes": text} | {key: spec for key, spec in inputs.items() if key != "x"}, outputs, of_bytes

    named = ("reconstruct", "encode", "encode_covariance", "score")
    return {"decode_png": ({"z": table["decode"][0]["z"]}, {"image_bytes": text}, decode_png)} | {
        f"{name}_bytes": with_bytes(*table[name]) for name in named
    }
