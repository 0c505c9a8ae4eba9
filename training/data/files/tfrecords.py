"""TFRecord files of tf.train.Example: images in bytes, or lists of numbers."""

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from training.data.checks.float32_range import check_float32
from training.data.checks.image_sizes import common_shape
from training.data.checks.shapes import model_shape
from training.data.files.file_kind import FileKind
from training.data.files.folders import files_in
from training.data.files.formats.image_header import image_header
from training.data.files.formats.record_files import RecordImages, RecordNumbers, index_records
from training.data.files.parsed import Parsed, Part
from training.data.files.roles import LABELS, check_names, role
from zoo.data.lazy_arrays import chunks

INSPECTED_RECORDS = 100  # records that features are looked for in
TYPES = {"image": tf.string, "bytes": tf.string, "float": tf.float32, "int64": tf.int64}


class TFRecordFiles(FileKind):
    """A TFRecord file, or a folder of them, whose names may say which part they are."""

    name = "TFRecords"
    suffixes = (".tfrecord", ".tfrecords")
    options = ("key", "labels")
    folders = True
    decodes_images = True

    def read(self, path, settings):
        files = _files(path, self.suffixes)
        records = index_records(list(files))
        feature, label = _features(records, settings)
        make = _reader(records, feature, path, settings)
        parts = {}
        for part in dict.fromkeys(files.values()):
            of_part = records.of_files([i for i, name in enumerate(files.values()) if name == part])
            parts[part] = Part(make(of_part), None if label is None else _labels(of_part, label))
        where = f"{len(files)} files" if len(files) > 1 else "a file"
        kind = f"TFRecords in {where}, feature '{feature.name}'"
        return Parsed(kind + (f", labels '{label.name}'" if label else ""), parts)


def _files(path, suffixes):
    """Returns a dict of the path of each file -> its part."""
    if path.is_file():
        return {path: "train"}
    files = [file for file in files_in(path) if file.suffix.lower() in suffixes]
    return {file: role(str(file.relative_to(path).with_suffix("")))[0] for file in files}


class _Feature(NamedTuple):
    """A feature of a record: its name, its kind ("image", "bytes", "float" or "int64") and how many values it has."""

    name: str
    kind: str
    count: int


def _features(records, settings):
    """Returns which feature of the records holds the examples, and which the labels or None."""
    path = records.files[0]
    features = {feature.name: feature for feature in _first_features(records, path)}
    listed = ", ".join(f"'{f.name}' ({f.count} × {f.kind})" for f in features.values()) or "none"
    check_names(settings, features, "feature", path, listed)
    label = features[settings.labels] if settings.labels else _label_of(features.values())
    if settings.key:
        return features[settings.key], label
    return _examples_of([f for f in features.values() if f != label], listed, path), label


def _label_of(features):
    """Returns the only feature of one value that is named like labels, or None."""
    labels = [f for f in features if f.count == 1 and f.name.lower().split("/")[-1] in LABELS]
    return labels[0] if len(labels) == 1 else None


def _first_features(records, path):
    """Returns all features of the first records, sorted by name."""
    values = {}
    inspected = records.read(range(min(INSPECTED_RECORDS, records.count)))
    for content in reversed(inspected):  # the first that has one describes it
        example = tf.train.Example()
        try:
            example.ParseFromString(content)
        except Exception as error:  # protobuf's own, which differs between its versions
            raise ValueError(f"The records of '{path}' are no tf.train.Example: {error}. Write them so.") from error
        values |= dict(example.features.feature)
    return [_feature(name, value) for name, value in sorted(values.items())]


def _feature(name, value):
    kind = value.WhichOneof("kind") or "bytes_list"
    values = getattr(value, kind).value
    image = kind == "bytes_list" and len(values) == 1 and image_header(values[0]) is not None
    return _Feature(name, "image" if image else kind.removesuffix("_list"), len(values))


def _examples_of(features, listed, path):
    """Returns the one feature that holds the examples: the only image, or by its name, or the only list of numbers."""
    images = [f for f in features if f.kind == "image"]
    possible = images + [f for f in features if f.kind in ("float", "int64") and f.count > 1]
    named = [f for f in possible if role(f.name)[1] == "examples"]
    for candidates in (images, named, possible):
        if len(candidates) == 1:
            return candidates[0]
    raise ValueError(
        f"Which feature of '{path}' holds the examples is not clear. It has: {listed}. Name one with --key: "
        f"a PNG or JPEG image in bytes, or a list of numbers."
    )


def _reader(records, feature, path, settings):
    """Returns a function of some of the records to their examples, a `LazyArray`."""
    if feature.kind == "bytes":
        raise ValueError(
            f"Expected feature '{feature.name}' of '{path}' to be a PNG or JPEG image, or a list of numbers, got bytes "
            f"that are neither. Write them with tf.io.encode_png, or as a list of floats."
        )
    if feature.kind == "image":
        headers = [image_header(content) for values in _values(records, feature, default="") for content in values]
        shape = common_shape(headers, path, settings)
        return lambda of_part: RecordImages(of_part, feature.name, shape)
    event_shape = model_shape((records.count, feature.count), settings, path)

    def numbers(of_part):
        if feature.kind == "int64":
            exact = RecordNumbers(of_part, feature.name, event_shape, tf.int64, np.int64)
            with suppress(tf.errors.OpError):  # records that cannot be read are found by the scan
                check_float32(exact, f"'{feature.name}' in '{path}'")
        return RecordNumbers(of_part, feature.name, event_shape, TYPES[feature.kind])

    return numbers


def _labels(records, feature):
    values = np.concatenate(list(_values(records, feature)))
    return np.array([value.decode("utf-8", "replace") for value in values]) if feature.kind == "bytes" else values


def _values(records, feature, default=None):
    """Yields the single values of a feature, in arrays for some records each; all records have one, or the default."""
    spec = {feature.name: tf.io.FixedLenFeature([], TYPES[feature.kind], default_value=default)}
    for rows in chunks((records.count, 10_000)):
        content = records.read(range(rows.start, rows.stop))
        try:
            yield tf.io.parse_example(tf.constant(content), spec)[feature.name].numpy()
        except tf.errors.InvalidArgumentError as error:
            bad = next(i for i, record in enumerate(content) if not _parses(record, spec))
            raise ValueError(
                f"Expected one value of the feature '{feature.name}' in each record, and of one kind, but "
                f"{records.place(rows.start + bad)} has none such. Write it again, or all without that feature."
            ) from error


def _parses(record, spec):
    try:
        tf.io.parse_single_example(record, spec)
    except tf.errors.InvalidArgumentError:
        return False
    return True
