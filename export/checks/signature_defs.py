"""Reads the signatures of a SavedModel from the bytes of its MetaGraphDef, without TensorFlow."""

from dataclasses import dataclass

import numpy as np

STRING = 7  # TensorFlow's number of the type
TYPES = {1: np.float32, 2: np.float64, 3: np.int32, STRING: bytes, 9: np.int64, 10: np.bool_}


@dataclass(frozen=True)
class Spec:
    """A tensor of a signature.

    Args:
        tensor: its name in the graph.
        dtype: a NumPy type, `bytes` for strings; None for a type that no signature should have.
        shape: sizes, None for unknown ones; None if the rank is unknown.
    """

    tensor: str
    dtype: type | None
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class SignatureDef:
    """The inputs and outputs of a signature: name -> `Spec`."""

    inputs: dict[str, Spec]
    outputs: dict[str, Spec]


def signatures(meta_graph):
    """Reads the signatures of a MetaGraphDef.

    Args:
        meta_graph: the bytes of that message.

    Returns:
        name -> `SignatureDef`, in alphabetical order.
    """
    found = {}
    for entry in _values(meta_graph, 5):  # signature_def, a map
        (name,), (definition,) = _values(entry, 1), _values(entry, 2)
        specs = [dict(sorted(_spec(entry) for entry in _values(definition, field))) for field in (1, 2)]
        found[name.decode()] = SignatureDef(*specs)
    found.pop("__saved_model_init_op", None)  # runs when it is loaded
    return dict(sorted(found.items()))


def _spec(entry):
    """Reads a name and its `Spec` from an entry of a SignatureDef's inputs or outputs."""
    (name,), (info,) = _values(entry, 1), _values(entry, 2)
    tensor, number, shape = (next(iter(_values(info, field)), absent) for field, absent in ((1, b""), (2, 0), (3, b"")))
    # Sizes are 64 bits; −1, an unknown one, is all ones.
    sizes = [next(iter(_values(dim, 1)), 0) for dim in _values(shape, 2)]
    sizes = None if any(_values(shape, 3)) else tuple(None if size >> 63 else size for size in sizes)
    return name.decode(), Spec(tensor.decode(), TYPES.get(number), sizes)


def _values(message, field):
    """Reads the values of a field in a message of Protocol Buffers: numbers and bytes, as on the wire."""
    values, i = [], 0
    while i < len(message):
        key, i = _varint(message, i)
        if key & 7 == 0:
            value, i = _varint(message, i)
        else:
            length, i = _varint(message, i) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], i)
            value, i = message[i : i + length], i + length
        if key >> 3 == field:
            values.append(value)
    return values


def _varint(message, i):
    value = shift = 0
    while True:
        byte = message[i]
        i, value, shift = i + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, i
