"""Decoding of image files into pixels, shared by training and exported models."""

import tensorflow as tf

from zoo.data import support as supports

PNG = b"\x89PNG\r\n\x1a\n"  # signature of PNG files


def decode(content, size, channels):
    """Decodes an image into pixels, in TensorFlow's graph.

    Args:
        content: the bytes of a PNG or JPEG file, a string tensor []. Transparency and EXIF rotation are ignored.
        size: (height, width) to resize to, with antialiasing; the aspect ratio is not kept.
        channels: 1 for grayscale, 3 for RGB.

    Returns:
        uint8 [height, width, channels].

    Raises:
        tf.errors.InvalidArgumentError: the bytes are not a PNG or JPEG image.
    """
    png = tf.strings.substr(content, 0, len(PNG)) == PNG
    jpeg = tf.io.is_jpeg(content)
    with tf.control_dependencies([tf.debugging.Assert(png | jpeg, ["Expected the bytes of a PNG or JPEG image."])]):
        content = tf.identity(content)
    pixels = tf.cond(
        jpeg,
        # The default, fast transform has errors of up to ten levels; this one of one level.
        lambda: tf.io.decode_jpeg(content, channels, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(content, channels),  # accepts other formats too, hence the assertion
    )
    pixels = tf.ensure_shape(pixels, [None, None, channels])
    # Skips resizing, which is slow, if the size is right already.
    same = tf.reduce_all(tf.shape(pixels)[:2] == size)
    pixels = tf.cond(same, lambda: pixels, lambda: _resized(pixels, size))
    return tf.ensure_shape(pixels, [*size, channels])


def _resized(pixels, size):
    values = tf.image.resize(pixels, size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8)


def from_levels(levels, support):
    """Converts levels from 0 to 255 to data of a support.

    Args:
        levels: uint8 tensor of any shape.
        support: "binary" (levels over 127.5 become 1), "unit" or "levels".

    Returns:
        float32 tensor of the same shape.
    """
    support, levels = supports.get(support), tf.cast(levels, tf.float32)
    values = levels * tf.constant(support.white / 255, tf.float32)
    return tf.round(values) if support.discrete else values


def to_levels(values, support):
    """Converts data of a support, or their means, to levels from 0 to 255, the inverse of `from_levels`.

    Args:
        values: float tensor of any shape.
        support: see `from_levels`.

    Returns:
        uint8 tensor of the same shape.
    """
    levels = tf.cast(values, tf.float32) * (255 / supports.get(support).white)
    return tf.cast(tf.clip_by_value(tf.round(levels), 0.0, 255.0), tf.uint8)
