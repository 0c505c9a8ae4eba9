"""Commands of the client in tests: their data, and what they write and end with."""

import csv
from pathlib import Path

import numpy as np
import pytest

SHAPE = (3, 2, 1)
X = np.random.default_rng(0).uniform(size=(10, *SHAPE)).astype(np.float32)


def fails(run, *words, **options):
    """The sentence that a command ends with."""
    with pytest.raises(SystemExit) as end:
        run(*words, **options)
    assert isinstance(end.value.code, str), end.value.code  # a message, which is status 1
    assert end.value.code.startswith("error: ")
    assert not list(Path().glob("partial*"))
    return end.value.code


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))
