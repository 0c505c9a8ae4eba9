"""Weights files made by attackers are refused, and what they do is shown where the check is left out."""

import io

import h5py
import numpy as np
import pytest

import zoo
from tests.presets.attacks import resealed, small_preset
from zoo.presets.weights import check_structure, packed

PLACE = "encoder/layers/dense/vars/0"
SHAPE = (16, 8)


@pytest.fixture
def preset(tmp_path):
    return small_preset(tmp_path / "preset")


def changed(preset, change):
    """A preset whose weights file was changed, with hashes that fit."""
    content = io.BytesIO((preset / "model.weights.h5").read_bytes())
    with h5py.File(content, "r+") as file:
        change(file)
    return resealed(preset, {"model.weights.h5": content.getvalue()})


def replace(file, item):
    del file[PLACE]
    file[PLACE] = item


def unchecked(preset):
    """The encoder's kernel, if Keras loads the file."""
    vae = zoo.build("diag_vae", (4, 4, 1), "binary", latent=2, network="mlp(hidden=(8,))")
    vae.load_weights(preset / "model.weights.h5")
    return vae.encoder.weights[0].numpy()


def read_by_h5py(preset):
    """The same kernel as the HDF5 library reads it: Keras did so too before it had checks of its own."""
    with h5py.File(preset / "model.weights.h5") as file:
        return file[PLACE][()]


def assert_refused(preset, match):
    with pytest.raises(ValueError, match=f"damaged or belongs to another model: .*{match}"):
        zoo.load(preset)


def test_an_external_link_is_refused(preset, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.full(SHAPE, 42.0, "float32")
    link = h5py.ExternalLink(str(tmp_path / "secret.h5"), "secret")
    changed(preset, lambda file: replace(file, link))
    assert_refused(preset, "is a link")
    np.testing.assert_array_equal(read_by_h5py(preset), 42)  # another file of this machine is in the model


def test_a_soft_link_is_refused(preset):
    def change(file):
        file["elsewhere"] = np.full(SHAPE, 42.0, "float32")
        replace(file, h5py.SoftLink("/elsewhere"))

    changed(preset, change)
    assert_refused(preset, "is a link")
    np.testing.assert_array_equal(read_by_h5py(preset), 42)


def test_external_storage_is_refused(preset, tmp_path):
    (tmp_path / "secret.bin").write_bytes(np.full(SHAPE, 42.0, "float32").tobytes())

    def change(file):
        del file[PLACE]
        file.create_dataset(PLACE, SHAPE, "float32", external=[(str(tmp_path / "secret.bin"), 0, 512)])

    changed(preset, change)
    assert_refused(preset, "external")
    np.testing.assert_array_equal(read_by_h5py(preset), 42)


def test_virtual_storage_is_refused(preset, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.full(SHAPE, 42.0, "float32")

    def change(file):
        layout = h5py.VirtualLayout(SHAPE, "float32")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "secret", SHAPE)
        del file[PLACE]
        file.create_virtual_dataset(PLACE, layout)

    changed(preset, change)
    assert_refused(preset, "virtual")
    np.testing.assert_array_equal(read_by_h5py(preset), 42)


@pytest.mark.parametrize("options", [{"chunks": (4, 8)}, {"compression": "gzip"}, {"chunks": True, "shuffle": True}])
def test_filters_are_refused(preset, options):
    def change(file):
        del file[PLACE]
        file.create_dataset(PLACE, data=np.full(SHAPE, 42.0, "float32"), **options)

    changed(preset, change)
    assert_refused(preset, "chunked")
    np.testing.assert_array_equal(unchecked(preset), 42)


def test_an_array_without_storage_is_refused(preset):
    """A few bytes that unpack to a terabyte of zeros."""

    def change(file):
        del file[PLACE]
        file.create_dataset(PLACE, (10**6, 10**6), "uint8")

    changed(preset, change)
    assert (preset / "model.weights.h5").stat().st_size < 50_000
    assert_refused(preset, "larger than its storage")
    with h5py.File(preset / "model.weights.h5") as file:
        assert file[PLACE].nbytes == 10**12


def test_circles_end(preset):
    def change(file):
        file["encoder"]["again"] = file["/"]
        file["encoder"]["and_again"] = file["/"]

    changed(preset, change)
    assert_refused(preset, "levels")
    with h5py.File(preset / "model.weights.h5") as file:
        assert "/".join(["encoder/again"] * 100) in file  # without an end


@pytest.mark.parametrize(
    "item",
    [
        np.zeros([16, 9], "float32"),
        np.zeros(SHAPE, "float64"),
        np.zeros(SHAPE[::-1], "float32"),
        np.zeros([], "float32"),
    ],
    ids=lambda item: f"{item.dtype} {item.shape}",
)
def test_other_shapes_and_dtypes_are_refused(preset, item):
    changed(preset, lambda file: replace(file, item))
    assert_refused(preset, rf"expected '{PLACE}' to be float32 \[16, 8\], got")


@pytest.mark.parametrize("item", [np.bytes_(b"text"), h5py.Empty("float32"), np.zeros(4, "V16")], ids=str)
def test_what_is_no_array_of_numbers_is_refused(preset, item):
    changed(preset, lambda file: replace(file, item))
    assert_refused(preset, "is no array of numbers")


def test_texts_and_references_are_refused(preset):
    for item in ("text", h5py.special_dtype(ref=h5py.Reference)):

        def change(file, item=item):
            del file[PLACE]
            if isinstance(item, str):
                file[PLACE] = item
            else:
                file.create_dataset(PLACE, (1,), item)

        changed(preset, change)
        assert_refused(preset, "is no array of numbers")


def test_more_weights_than_the_model_has_are_refused(preset):
    changed(preset, lambda file: file.create_dataset("encoder/more", data=np.zeros(3, "float32")))
    assert_refused(preset, "expected 'encoder/more' to be absent, got float32")
    unchecked(preset)  # Keras ignores them


def test_fewer_weights_are_refused(preset):
    changed(preset, lambda file: file.__delitem__(PLACE))
    assert_refused(preset, f"expected '{PLACE}' to be float32 .*, got nothing")


def test_a_packed_file_has_the_same_weights(tmp_path):
    vae = zoo.build("diag_vae", (4, 4, 1), "binary", latent=2, network="mlp(hidden=(8,))")
    zoo.save(vae, tmp_path)
    content = (tmp_path / "model.weights.h5").read_bytes()
    assert len(packed(content)) < 0.9 * len(content)
    assert check_structure(packed(content), "x") == check_structure(content, "x")
    (tmp_path / "model.weights.h5").write_bytes(packed(content))
    for weight, again in zip(vae.weights, zoo.load(tmp_path).weights, strict=True):
        np.testing.assert_array_equal(weight, again)
