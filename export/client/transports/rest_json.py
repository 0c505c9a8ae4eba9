"""The JSON of TensorFlow Serving's REST interface.

Rows: {"instances": [{"x": …, "seed": …}, …]} is answered by {"predictions": [{"elbo": …, "kl": …}, …]}.
Columns: {"inputs": {"x": […], "seed": […]}} is answered by {"outputs": {"elbo": […], "kl": […]}}.
A single output has its value without its name. Bytes are {"b64": …}.
"""

import base64

import numpy as np


def question(signature, arrays, rows=False):
    """Returns the JSON of a request.

    Args:
        signature: name of the signature.
        arrays: a dict of arrays.
        rows: whether to send rows instead of columns.
    """
    columns = {name: _listed(array) for name, array in arrays.items()}
    if not rows:
        return {"signature_name": signature, "inputs": columns}
    instances = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"signature_name": signature, "instances": instances}


def _listed(array):
    return _encoded(array.tolist()) if array.dtype == object else array.tolist()


def _encoded(value):
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    return {"b64": base64.b64encode(value).decode("ascii")}


def answer(body, outputs):
    """Returns the arrays in the JSON of an answer.

    Args:
        body: the JSON, of rows or columns.
        outputs: a dict of `Tensor`, the signature's outputs.

    Raises:
        ValueError: it does not have these outputs.
    """
    single = next(iter(outputs)) if len(outputs) == 1 else None
    try:
        if "predictions" in body:
            rows = body["predictions"]
            columns = {name: rows if name == single else [row[name] for row in rows] for name in outputs}
        else:
            columns = {single: body["outputs"]} if single else body["outputs"]
        return {name: _restored(columns[name], tensor) for name, tensor in outputs.items()}
    except (KeyError, TypeError, ValueError) as error:
        wanted = ", ".join(f"{name} {tensor}" for name, tensor in outputs.items())
        raise ValueError(f"JSON that is not {wanted} ({type(error).__name__}: {error})") from error


def _restored(values, tensor):
    if tensor.dtype is not bytes:
        return np.asarray(values, tensor.dtype)
    array = np.empty(len(values), object)  # np.asarray would look into the dicts of some versions
    array[:] = [_decoded(value) for value in values]
    return array


def _decoded(value):
    """Returns the bytes in JSON; a server sends those of an output whose name does not end in _bytes as they are."""
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode()
