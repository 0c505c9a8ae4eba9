"""Assertions in the graph: the server itself does not check requests.

Messages are ASCII without quotes: TensorFlow would write other characters as escapes.
"""

import tensorflow as tf

from zoo.data.images import PNG

JPEG = b"\xff\xd8\xff"  # the beginning of such a file
MAX_BYTES_PER_PIXEL = 8  # of a file at most per pixel: four channels of 16 bits, not compressed
ASCII = str.maketrans({"…": "...", "≥": ">=", "'": None, '"': None})


def require(condition, *message):
    """Returns an operation that fails with a message unless a condition holds.

    Args:
        condition: bool tensor [].
        *message: its parts, strings and integer tensors [].
    """
    parts = [tf.strings.as_string(part) if tf.is_tensor(part) else part.translate(ASCII) for part in message]
    return tf.debugging.Assert(condition, [tf.strings.join(parts)])


def few_rows(tensor, limits):
    """Returns an operation that fails where a tensor [B, ...] has too many rows.

    Args:
        tensor: of any type.
        limits: `Limits`.
    """
    rows = tf.shape(tensor)[0]
    return require(rows <= limits.rows, f"Expected at most {limits.rows} rows in a request, got ", rows, ".")


def small_images(contents, limits):
    """Returns an operation that fails where an image file would be too large in memory, before it is decoded.

    Args:
        contents: the bytes of files, string tensor [B].
        limits: `Limits`.
    """
    size, most = tf.reduce_max(tf.cast(tf.strings.length(contents), tf.int64)), MAX_BYTES_PER_PIXEL * limits.pixels
    small = require(size <= most, f"Expected image files of at most {most} bytes, got ", size, ".")
    with tf.control_dependencies([small]):
        contents = tf.identity(contents)
    pixels = tf.maximum(_largest_png(contents), _largest_jpeg(contents))
    advice = ". Scale it down before sending it."
    return require(
        pixels <= limits.pixels, f"Expected images of at most {limits.pixels} pixels, got one of ", pixels, advice
    )


def _largest_png(contents):
    """Returns the most pixels of the PNG files, by their headers: int64 []; at most 0 if there is none."""
    # 8 bytes that mark a PNG; length and name of its first chunk, IHDR; width and height of 4 bytes each.
    heads = tf.strings.join([tf.strings.substr(contents, 0, 24), "\0" * 24])
    is_png = tf.strings.substr(heads, 0, 8) == PNG
    named = tf.reduce_all(~is_png | (tf.strings.substr(heads, 12, 4) == "IHDR"))
    with tf.control_dependencies([require(named, "Expected PNG images to begin with the chunk IHDR.")]):
        sizes = tf.cast(tf.io.decode_raw(tf.strings.substr(heads, 16, 8), tf.uint8), tf.int64)
    sides = tf.reduce_sum(tf.reshape(sizes, [-1, 2, 4]) * [2**24, 2**16, 2**8, 1], axis=-1)
    return tf.reduce_max(tf.where(is_png, tf.reduce_prod(tf.minimum(sides, 2**31 - 1), axis=-1), 0))


def _largest_jpeg(contents):
    """Returns the same of the JPEG files."""
    jpegs = tf.boolean_mask(contents, tf.strings.substr(contents, 0, len(JPEG)) == JPEG)
    shapes = tf.map_fn(tf.io.extract_jpeg_shape, jpegs, fn_output_signature=tf.TensorSpec([3], tf.int32))
    return tf.reduce_max(tf.reduce_prod(tf.cast(shapes[:, :2], tf.int64), axis=-1))
