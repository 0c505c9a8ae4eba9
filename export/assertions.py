"""Assertions in the graph: the server itself does not look at what it is sent.

Messages are ASCII without quotes: TensorFlow would write other characters as escapes.
"""

from typing import NamedTuple

import tensorflow as tf

from zoo.images import PNG

BYTES = 8  # of a file, at most, for each pixel that it may have: four channels of 16 bits, not compressed
ASCII = str.maketrans({"…": "...", "≥": ">=", "'": None, '"': None})


class Limits(NamedTuple):
    """How much a request may ask for.

    Args:
        rows: B, at most.
        pixels: of an image file, at most.
    """

    rows: int = 1024
    pixels: int = 2**24


LIMITS = Limits()  # unless an export is told otherwise


def require(condition, *message):
    """Returns an operation that fails with a message unless a condition holds.

    Args:
        condition: bool tensor [].
        message: its parts, strings and integer tensors [].
    """
    parts = [tf.strings.as_string(part) if tf.is_tensor(part) else part.translate(ASCII) for part in message]
    return tf.debugging.Assert(condition, [tf.strings.join(parts)])


def few_rows(tensor, limits):
    """Returns an operation that fails where a tensor [B, ...] has too many rows."""
    rows = tf.shape(tensor)[0]
    return require(rows <= limits.rows, f"Expected at most {limits.rows} rows in a request, got ", rows, ".")


def small_image(content, limits):
    """Returns an operation that fails where an image file would be too large in memory, before it is decoded.

    Args:
        content: the bytes of a file, string tensor [].
        limits: `Limits`.
    """
    size, most = tf.cast(tf.strings.length(content), tf.int64), BYTES * limits.pixels
    with tf.control_dependencies(
        [require(size <= most, f"Expected an image file of at most {most} bytes, got ", size, ".")]
    ):
        pixels = _announced(tf.identity(content))
    return require(
        pixels <= limits.pixels,
        f"Expected an image of at most {limits.pixels} pixels, got ",
        pixels,
        ". Scale it down before it is sent.",
    )


def _announced(content):
    """How many pixels an image has by its header: int64 []; 0 of what is neither a PNG nor a JPEG file."""
    return tf.cond(
        tf.io.is_jpeg(content),
        lambda: tf.reduce_prod(tf.cast(tf.io.extract_jpeg_shape(content)[:2], tf.int64)),
        lambda: _announced_by_png(content),
    )


def _announced_by_png(content):
    # 8 bytes that mark a PNG; length and name of its first chunk, IHDR; width and height of 4 bytes each.
    head = tf.strings.join([tf.strings.substr(content, 0, 24), "\0" * 24])
    is_png = tf.strings.substr(head, 0, 8) == PNG
    named = require(~is_png | (tf.strings.substr(head, 12, 4) == "IHDR"), "Expected a PNG image to begin with IHDR.")
    with tf.control_dependencies([named]):
        sizes = tf.cast(tf.io.decode_raw(tf.strings.substr(head, 16, 8), tf.uint8), tf.int64)
    sides = tf.reduce_sum(tf.reshape(sizes, [2, 4]) * [2**24, 2**16, 2**8, 1], axis=1)
    return tf.where(is_png, tf.reduce_prod(tf.minimum(sides, 2**31 - 1)), 0)
