"""Small files of user data."""

import io

import numpy as np
import tensorflow as tf


def write_image(path, pixels):
    """Writes a PNG or JPEG file of uint8 [H, W, C]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encode = tf.io.encode_png if path.suffix == ".png" else lambda x: tf.io.encode_jpeg(x, quality=100)
    path.write_bytes(encode(pixels).numpy())
    return path


def png(pixels):
    """Returns the bytes of a PNG image."""
    return tf.io.encode_png(pixels).numpy()


def write_records(path, examples):
    """Writes a TFRecord file; an example is a dict of a name -> bytes, or a list of ints or of floats."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            features = {name: _feature(value) for name, value in example.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return path


def _feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if np.asarray(value).dtype.kind == "i":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=np.atleast_1d(value)))
    return tf.train.Feature(float_list=tf.train.FloatList(value=np.atleast_1d(value)))


def levels(n=30, shape=(4, 3, 1), seed=0):
    """Returns images of gray levels, no two alike, uint8 [n, *shape]."""
    return np.random.default_rng(seed).integers(0, 256, (n, *shape)).astype(np.uint8)


def encrypted():
    """Returns the bytes of an .npz whose member says that it is encrypted."""
    file = io.BytesIO()
    np.savez(file, x=np.ones((5, 3)))
    content = bytearray(file.getvalue())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    return bytes(content)
