"""The signatures of a served model: names, types and shapes of inputs and outputs."""

from typing import NamedTuple

import numpy as np

TYPES = {
    "DT_FLOAT": np.float32,
    "DT_DOUBLE": np.float64,
    "DT_INT32": np.int32,
    "DT_INT64": np.int64,
    "DT_UINT8": np.uint8,
    "DT_BOOL": np.bool_,
    "DT_STRING": bytes,
}


class Tensor(NamedTuple):
    """One input or output.

    Args:
        dtype: NumPy type, or bytes.
        shape: sizes, None for one that is not fixed; the first axis counts the rows.
    """

    dtype: type
    shape: tuple[int | None, ...]

    def __str__(self):
        sizes = ["B", *("?" if size is None else str(size) for size in self.shape[1:])]
        return f"{self.dtype.__name__} [{', '.join(sizes)}]"


class Signature(NamedTuple):
    """A signature.

    Args:
        inputs: a dict of `Tensor`.
        outputs: a dict of `Tensor`.
    """

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


def from_definitions(definitions):
    """Returns the signatures in a server's metadata.

    Args:
        definitions: the JSON of a map of `SignatureDef`, by names.

    Returns:
        A dict of `Signature`, sorted by name; TensorFlow's own, which begin with two underscores, are left out.

    Raises:
        ValueError: a tensor is of a type that is not served, such as a sparse one.
    """
    names = sorted(name for name in definitions if not name.startswith("__"))
    return {
        name: Signature(*(_tensors(definitions[name].get(side, {})) for side in ("inputs", "outputs")))
        for name in names
    }


def _tensors(infos):
    return {name: _tensor(name, info) for name, info in sorted(infos.items())}


def _tensor(name, info):
    shape = info.get("tensor_shape", {})
    if info.get("dtype") not in TYPES or shape.get("unknown_rank"):
        raise ValueError(
            f"Expected '{name}' to be of a known rank and one of the types {', '.join(TYPES)}, got "
            f"{info.get('dtype')}. Is the model one of this zoo's exports?"
        )
    sizes = [int(dim.get("size", 0)) for dim in shape.get("dim", [])]
    return Tensor(TYPES[info["dtype"]], tuple(None if size < 0 else size for size in sizes))


def checked(inputs, signature, asked):
    """Returns arrays as a signature takes them.

    Args:
        inputs: a dict of arrays or lists; strings are bytes.
        signature: a `Signature`.
        asked: the signature in a message.

    Returns:
        A dict of arrays of the signature's types; bytes are in arrays of objects.

    Raises:
        ValueError: a name, a type, a shape or a value is not what the signature takes.
    """
    if set(inputs) != set(signature.inputs):
        raise ValueError(f"Expected the inputs {_listed(signature.inputs)} for {asked}, got {_listed(inputs)}.")
    arrays = {name: _array(name, inputs[name], tensor, asked) for name, tensor in signature.inputs.items()}
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1 or 0 in rows.values():
        raise ValueError(f"Expected one row or more for {asked}, as many of each input, got {rows}.")
    return arrays


def _listed(names):
    return ", ".join(f"'{name}'" for name in sorted(names)) or "of none"


def _array(name, values, tensor, asked):
    array = np.asarray(values, object if tensor.dtype is bytes else None)
    other = with_or_without_channels(tensor.shape[1:])
    if array.shape[1:] == other != tensor.shape[1:]:
        array = array.reshape(len(array), *tensor.shape[1:])
    fits = array.ndim == len(tensor.shape)
    if not fits or any(size not in (None, got) for size, got in zip(tensor.shape, array.shape, strict=True)):
        raise ValueError(f"Expected '{name}' for {asked} to be {tensor}, got an array of shape {list(array.shape)}.")
    if tensor.dtype is bytes:
        if not all(isinstance(value, bytes) for value in array.flat):
            raise ValueError(f"Expected '{name}' for {asked} to be bytes, got other objects.")
        return array
    return numbers(array, tensor.dtype, f"'{name}' for {asked}")


def with_or_without_channels(shape):
    """Returns the other form of images' shape: [height, width] for [height, width, 1], and the other way round.

    Args:
        shape: of one row, which stays as it is where it is none of the two.
    """
    return tuple(shape[:2]) if shape[2:] == (1,) else (*shape, 1) if len(shape) == 2 else tuple(shape)


def numbers(array, dtype, what):
    """Returns numbers in another type.

    Args:
        array: of any type.
        dtype: NumPy type.
        what: the numbers in a message.

    Raises:
        ValueError: they are not numbers, not finite (which JSON cannot say), or that type cannot hold them.
    """
    if array.dtype.kind not in "biuf":
        raise ValueError(f"Expected {what} to be numbers, got values of type {array.dtype}.")
    with np.errstate(over="ignore", invalid="ignore"):
        cast = array.astype(dtype)
    wrong = ~np.isfinite(cast) if cast.dtype.kind == "f" else cast != array
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"Expected {what} to be finite numbers that {np.dtype(dtype).name} can hold, got {array[place]} "
            f"at {list(place)}. Remove or fill such rows."
        )
    return cast
