"""TensorFlow's C functions, from the shared libraries of its wheel."""

import ctypes
import importlib.util
import sys
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from functools import cache
from pathlib import Path

# Servers call it at their start: parts that XLA must compile fail then, as they do there.
DISABLE_XLA = "_ZN10tensorflow21DisableXlaCompilationEv"


class Buffer(ctypes.Structure):
    """TF_Buffer."""

    _fields_ = (("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p))


class TFOutput(ctypes.Structure):
    """TF_Output: one output of an operation."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


FUNCTIONS = {  # name -> result type, argument types
    "TF_NewStatus": (c_void_p, []),
    "TF_DeleteStatus": (None, [c_void_p]),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_Message": (c_char_p, [c_void_p]),
    "TF_NewSessionOptions": (c_void_p, []),
    "TF_DeleteSessionOptions": (None, [c_void_p]),
    "TF_NewGraph": (c_void_p, []),
    "TF_DeleteGraph": (None, [c_void_p]),
    "TF_NewBuffer": (POINTER(Buffer), []),
    "TF_DeleteBuffer": (None, [POINTER(Buffer)]),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        [c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p, POINTER(Buffer), c_void_p],
    ),
    "TF_CloseSession": (None, [c_void_p, c_void_p]),
    "TF_DeleteSession": (None, [c_void_p, c_void_p]),
    "TF_GraphOperationByName": (c_void_p, [c_void_p, c_char_p]),
    "TF_AllocateTensor": (c_void_p, [c_int, POINTER(c_int64), c_int, c_size_t]),
    "TF_DeleteTensor": (None, [c_void_p]),
    "TF_TensorData": (c_void_p, [c_void_p]),
    "TF_TensorType": (c_int, [c_void_p]),
    "TF_TensorByteSize": (c_size_t, [c_void_p]),
    "TF_NumDims": (c_int, [c_void_p]),
    "TF_Dim": (c_int64, [c_void_p, c_int]),
    "TF_SessionRun": (
        None,
        [c_void_p, c_void_p]
        + 2 * [POINTER(TFOutput), POINTER(c_void_p), c_int]
        + [POINTER(c_void_p), c_int, c_void_p, c_void_p],
    ),
    "TF_StringInit": (None, [c_void_p]),
    "TF_StringCopy": (None, [c_void_p, c_char_p, c_size_t]),
    "TF_StringDealloc": (None, [c_void_p]),
    "TF_StringGetDataPointer": (c_void_p, [c_void_p]),
    "TF_StringGetSize": (c_size_t, [c_void_p]),
    DISABLE_XLA: (None, []),
}


@cache
def library():
    """Loads TensorFlow's C functions by name from the wheel's shared libraries, and switches XLA off.

    Raises:
        OSError: TensorFlow is not installed.
    """
    spec = importlib.util.find_spec("tensorflow")  # without importing it
    if spec is None:
        raise OSError("Expected TensorFlow to be installed: its C++ libraries are in its wheel. Run make install.")
    folder = Path(spec.submodule_search_locations[0])
    suffix = "2.dylib" if sys.platform == "darwin" else "so.2"
    files = [folder / f"lib{name}.{suffix}" for name in ("tensorflow_framework", "tensorflow_cc")]
    # Their symbols stay local: global ones would crash Python's ssl if it is imported later.
    opened = [ctypes.CDLL(str(file)) for file in files if file.is_file()]
    found = {}
    for name, (result, arguments) in FUNCTIONS.items():
        found[name] = next(getattr(file, name) for file in reversed(opened) if hasattr(file, name))
        found[name].restype, found[name].argtypes = result, arguments
    found[DISABLE_XLA]()
    return found
