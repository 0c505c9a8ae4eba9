"""Good presets to load, and to copy and change."""

import shutil

import pytest

from tests.presets.attacks import X, model, small_preset


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """The folder of a good preset, not to be changed."""
    return small_preset(tmp_path_factory.mktemp("presets") / "small")


@pytest.fixture
def preset(tmp_path, saved):
    """A folder with a copy of it."""
    return shutil.copytree(saved, tmp_path / "preset")


@pytest.fixture(scope="session")
def with_sampler(tmp_path_factory):
    """A model with a sampler, and the folder of its preset, not to be changed."""
    vae = model("vamp_vae", prior="vamp(components=3)")
    vae.adapt(X)
    vae.add_sampler("gmm(components=2)", X, progress=False)
    vae.save_to_preset(folder := tmp_path_factory.mktemp("presets") / "small")
    return vae, folder
