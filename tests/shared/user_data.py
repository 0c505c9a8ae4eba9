"""Small user data, and what loading them returns: a data set, or a refusal in one sentence."""

import numpy as np
import pytest

from tests.shared.user_files import levels, write_image
from training.data import load_user_data
from training.data.settings import DataSettings

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
ROWS = "\n".join(",".join(map(str, row)) for row in X.tolist())
WHOLE = np.arange(60)


def read(path, **settings):
    return load_user_data(DataSettings(data=str(path), **settings))


def refusal(path, **settings):
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        read(path, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


def assert_names(message, *words):
    assert [word for word in words if word not in message] == []


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def saved(path, x):
    np.save(path, x)
    return path


def folder(path, n=30, shape=(4, 3, 1), seed=0):
    for i, x in enumerate(levels(n, shape, seed)):
        write_image(path / f"{i:03}.png", x)
    return path
