"""TFRecord files of tf.train.Example: images in bytes, or lists of numbers."""

import os
import struct
from array import array
from contextlib import suppress
from copy import copy
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from training.data.files.float32_range import check_precision
from training.data.files.folders import files_in, printable
from training.data.files.images import geometry, header
from training.data.files.parsed import LABELS, Found, role, shaped
from training.data.lazy_arrays import Examples, chunks
from zoo.data.images import decode

SUFFIXES = (".tfrecord", ".tfrecords")
GZIP = b"\x1f\x8b\x08"
FIRST = 100  # records that features are looked for in
AROUND = 12, 4  # bytes before a record, its length and that one's checksum, and after it


class Index(NamedTuple):
    """Where each record is: its file's number, its first byte, its length [N]."""

    file: np.ndarray
    offset: np.ndarray
    length: np.ndarray


class Records(Examples):
    """One feature of the records in TFRecord files.

    Args:
        files: paths.
        index: an `Index`.
        feature: its name.
        event_shape: *x.
        image: whether it is an image in bytes, else a list of numbers.
        dtype: of the list, tf.float32 or tf.int64.
    """

    def __init__(self, files, index, feature, event_shape, image, dtype=tf.float32):
        super().__init__((len(index.file), *event_shape), np.uint8 if image else np.float32)
        self.files, self.index, self.feature, self.image, self.kind = files, index, feature, image, dtype

    def gather(self, indices):
        content = tf.numpy_function(self.read, [indices], tf.string, stateful=False)
        content = tf.ensure_shape(content, [None])
        if self.image:
            x = tf.io.parse_example(content, {self.feature: tf.io.FixedLenFeature([], tf.string)})[self.feature]
            spec = tf.TensorSpec(self.shape[1:], tf.uint8)
            return tf.map_fn(lambda b: decode(b, self.shape[1:3], self.shape[3]), x, fn_output_signature=spec)
        spec = tf.io.FixedLenFeature(self.shape[1:], self.kind)
        return tf.cast(tf.io.parse_example(content, {self.feature: spec})[self.feature], self.dtype)

    def place(self, index):
        file = self.index.file[index]
        return f"record {index - np.searchsorted(self.index.file, file)} of '{printable(self.files[file])}'"

    def read(self, indices):
        """The bytes of records, an object array [B]."""
        return np.array([self._record(i) for i in indices], object)

    def _record(self, i):
        with self.files[self.index.file[i]].open("rb", buffering=0) as file:
            file.seek(self.index.offset[i])
            return file.read(self.index.length[i])


def records(path, settings):
    """The examples in a TFRecord file, or in all such files of a folder.

    Args:
        path: Path of a file or a folder.
        settings: `DataSettings`.

    Raises:
        ValueError: a file is damaged, or it is not clear which feature the examples are.
    """
    files = [path] if path.is_file() else [p for p in files_in(path) if p.suffix.lower() in SUFFIXES]
    named = {p: role(str(p.relative_to(path).with_suffix("")))[0] for p in files} if path.is_dir() else {}
    named = named or {path: "train"}
    index, parts, labels = _index(files), {}, {}
    first = Records(files, index, "", (), image=True).read(range(min(FIRST, len(index.file))))
    feature, label = _features(first, files[0], settings)
    event_shape, image, dtype = _event(files, index, feature, path, settings)
    for part in dict.fromkeys(named.values()):
        rows = np.isin(index.file, [i for i, file in enumerate(files) if named[file] == part])
        of_part = Index(*(values[rows] for values in index))
        parts[part] = Records(files, of_part, feature.name, event_shape, image, dtype)
        if dtype == tf.int64:
            _check_whole_numbers(parts[part], f"'{feature.name}' in '{path}'")
        if label is not None:
            labels[part] = _labels(files, of_part, label)
    where = f"{len(files)} files" if len(files) > 1 else "a file"
    kind = f"TFRecords in {where}, feature '{feature.name}'"
    return Found(kind + (f", labels '{label.name}'" if label else ""), parts, labels)


def _index(files):
    """Where the records of some files are, from their framing."""
    found = array("q")
    for number, path in enumerate(files):
        size, place, record = path.stat().st_size, 0, 0
        with path.open("rb") as file:
            compressed = file.read(3) == GZIP
            while place < size:
                file.seek(place)
                head = file.read(AROUND[0])
                length = struct.unpack("<Q", head[:8])[0] if len(head) == AROUND[0] else size
                if place + sum(AROUND) + length > size and compressed:
                    raise ValueError(f"'{path}' is compressed, and its records cannot be read singly. Decompress it.")
                if place + sum(AROUND) + length > size:
                    raise ValueError(
                        f"'{path}' is truncated or no TFRecord file: its record {record} does not end within its "
                        f"{size:,} bytes. Get or write it again."
                    )
                found.extend((number, place + AROUND[0], length))
                place, record = place + sum(AROUND) + length, record + 1
        _check_checksums(path)
    if not found:
        raise ValueError(f"Expected records in '{files[0]}', but there are none.")
    return Index(*np.frombuffer(found, np.int64).reshape(-1, 3).T)


def _check_checksums(path):
    """Makes sure that each record has the checksums that were written with it, by TensorFlow's own reader."""
    with tf.device("CPU"):
        stream = tf.data.TFRecordDataset(os.fsencode(path))
    try:
        stream.reduce(np.int64(0), lambda count, record: count + 1)
        return
    except tf.errors.DataLossError:
        good = 0
    with suppress(tf.errors.DataLossError):
        for _ in stream:
            good += 1
    raise ValueError(f"'{path}' is damaged: its record {good} does not have the right checksum. Get or write it again.")


class _Feature(NamedTuple):
    """A feature of a record: its name, its kind ("image", "bytes", "float" or "int64") and how many values it has."""

    name: str
    kind: str
    count: int


def _features(contents, path, settings):
    """Which feature of some records is the example, and which the label (or None)."""
    values = {}
    for content in reversed(contents):  # the first record that has a feature says what it is
        example = tf.train.Example()
        try:
            example.ParseFromString(content)
        except Exception as error:  # protobuf's own, which differs between its versions
            raise ValueError(f"The records of '{path}' are no tf.train.Example: {error}. Write them so.") from error
        values |= dict(example.features.feature)
    found = [_feature(name, value) for name, value in sorted(values.items())]
    listed = ", ".join(f"'{f.name}' ({f.count} × {f.kind})" for f in found) or "none"
    named = {f.name: f for f in found}
    for option in ("key", "labels"):
        wanted = getattr(settings, option)
        if wanted is not None and wanted not in named:
            raise ValueError(f"No feature '{wanted}' (--{option}) in '{path}'. It has: {listed}.")
    labels = [f for f in found if f.count == 1 and f.name.lower().split("/")[-1] in LABELS]
    label = named[settings.labels] if settings.labels else labels[0] if len(labels) == 1 else None
    return named[settings.key] if settings.key else _example(found, label, listed, path), label


def _example(found, label, listed, path):
    others = [f for f in found if f != label and f.kind != "bytes" and (f.count > 1 or f.kind == "image")]
    for candidates in (
        [f for f in others if f.kind == "image"],
        [f for f in others if role(f.name)[1] == "examples"],
        others,
    ):
        if len(candidates) == 1:
            return candidates[0]
    raise ValueError(
        f"Which feature of '{path}' holds the examples is not clear. It has: {listed}. Name one with --key: "
        f"a PNG or JPEG image in bytes, or a list of numbers."
    )


def _feature(name, value):
    kind = value.WhichOneof("kind") or "bytes_list"
    values = getattr(value, kind).value
    image = kind == "bytes_list" and len(values) == 1 and header(values[0]) is not None
    return _Feature(name, "image" if image else kind.removesuffix("_list"), len(values))


def _event(files, index, feature, path, settings):
    """The shape of an example, whether it is an image, and the type of its numbers."""
    if feature.kind == "bytes":
        raise ValueError(
            f"Expected as feature '{feature.name}' of '{path}' a PNG or JPEG image, or a list of numbers, got bytes "
            f"that are neither. Write them with tf.io.encode_png, or as a list of floats."
        )
    if feature.kind != "image":
        dtype = tf.float32 if feature.kind == "float" else tf.int64
        return shaped((len(index.file), feature.count), settings, path), False, dtype
    headers = [header(content) for values in _values(files, index, feature, default="") for content in values]
    size, channels = geometry(headers, path, settings)
    return (*size, channels), True, None


def _check_whole_numbers(examples, what):
    """Makes sure that whole numbers survive as 32-bit ones, see `check_precision`."""
    exact = copy(examples)
    exact.dtype = np.dtype(np.int64)
    with suppress(tf.errors.OpError):  # records that cannot be read are found later
        check_precision(exact, what)


def _values(files, index, feature, default=None):
    """The single values of a feature, in arrays of some records each; without a default, all records have one."""
    kind = {"image": tf.string, "bytes": tf.string, "float": tf.float32, "int64": tf.int64}[feature.kind]
    spec = {feature.name: tf.io.FixedLenFeature([], kind, default_value=default)}
    reader = Records(files, index, feature.name, (), image=False)
    for rows in chunks((len(index.file), 10_000)):
        content = reader.read(range(rows.start, rows.stop))
        try:
            yield tf.io.parse_example(tf.constant(content), spec)[feature.name].numpy()
        except tf.errors.InvalidArgumentError as error:
            bad = next(i for i, record in enumerate(content) if not _parses(record, spec))
            raise ValueError(
                f"Expected one value of the feature '{feature.name}' in each record, and of one kind, but "
                f"{reader.place(rows.start + bad)} has none such. Write it anew, or all without that feature."
            ) from error


def _parses(record, spec):
    try:
        tf.io.parse_single_example(record, spec)
    except tf.errors.InvalidArgumentError:
        return False
    return True


def _labels(files, index, feature):
    values = np.concatenate(list(_values(files, index, feature)))
    texts = feature.kind == "bytes"
    return np.array([value.decode("utf-8", "replace") for value in values]) if texts else values
