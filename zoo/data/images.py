"""Images as bytes ↦ pixels: the one way that image files go, in training and wherever a model is handed some."""

import tensorflow as tf

from zoo.data import support as supports

PNG = b"\x89PNG\r\n\x1a\n"  # what such a file begins with


def decode(content, size, channels):
    """Decodes an image into pixels, in TensorFlow's graph.

    Args:
        content: the bytes of a PNG or JPEG file, a string tensor []. Transparency, and a rotation that is noted in
            the file (EXIF), are ignored.
        size: (height, width) that it is brought to, with antialiasing; its proportions are not kept.
        channels: 1 for gray levels, 3 for red, green and blue.

    Returns:
        uint8 [height, width, channels].

    Raises:
        tf.errors.InvalidArgumentError: the bytes are no such image.
    """
    png = tf.strings.substr(content, 0, len(PNG)) == PNG
    jpeg = tf.io.is_jpeg(content)
    with tf.control_dependencies([tf.debugging.Assert(png | jpeg, ["Expected the bytes of a PNG or JPEG image."])]):
        content = tf.identity(content)
    pixels = tf.cond(
        jpeg,
        # The usual, fast transform errs by ten levels where others err by one.
        lambda: tf.io.decode_jpeg(content, channels, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(content, channels),  # which would take other kinds too
    )
    pixels = tf.ensure_shape(pixels, [None, None, channels])
    # A resize to the size that it has would leave it as it is, and take its time.
    same = tf.reduce_all(tf.shape(pixels)[:2] == size)
    pixels = tf.cond(same, lambda: pixels, lambda: _resized(pixels, size))
    return tf.ensure_shape(pixels, [*size, channels])


def _resized(pixels, size):
    values = tf.image.resize(pixels, size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8)


def from_levels(levels, support):
    """Levels from 0 to 255 as data of a support.

    Args:
        levels: uint8 tensor of any shape.
        support: binary, where a level over half of 255 is a one; unit, or levels.

    Returns:
        float32 tensor of that shape.
    """
    support, levels = supports.get(support), tf.cast(levels, tf.float32)
    values = levels * tf.constant(support.white / 255, tf.float32)
    return tf.round(values) if support.discrete else values


def to_levels(values, support):
    """Values of a support, or means of such, as levels from 0 to 255: the other way round.

    Args:
        values: float tensor of any shape.
        support: see `from_levels`.

    Returns:
        uint8 tensor of that shape.
    """
    levels = tf.cast(values, tf.float32) * (255 / supports.get(support).white)
    return tf.cast(tf.clip_by_value(tf.round(levels), 0.0, 255.0), tf.uint8)
