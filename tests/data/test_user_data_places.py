"""Odd folders, names, labels and sizes of user data: a sentence, or a note."""

import os
import struct
import zlib

import numpy as np
import pytest

from tests.shared.user_data import ROWS, X, assert_names, folder, read, refusal, saved, write
from tests.shared.user_files import levels, png, write_image, write_records
from training import run_folder as run
from training.config import Config
from training.data import load_user_data, memory
from training.data.files import images
from training.data.files.formats.image_header import image_header
from zoo.data.images import PNG

# labels


def test_names_are_classes_whatever_their_number(tmp_path):
    for i, x in enumerate(levels(240)):
        write_image(tmp_path / "im" / f"{i % 120}" / f"{i}.png", x)
    names = [f"kind {i % 120}" for i in range(240)]
    np.savez(tmp_path / "x.npz", x=levels(240), y=np.array(names))
    write(tmp_path / "t.csv", "a,label\n" + "\n".join(f"{i}.5,{name}" for i, name in enumerate(names)))
    for path in ("im", "x.npz", "t.csv"):
        dataset = read(tmp_path / path)
        assert len({*dataset.train_labels.tolist(), *dataset.labels.tolist()}) > 100
    np.savez(tmp_path / "x.npz", x=levels(240), y=np.arange(240) % 120)
    assert read(tmp_path / "x.npz").train_labels is None


# images


def test_channels_first(tmp_path):
    for channels in (1, 3):
        path = saved(tmp_path / "x.npy", levels(20, (channels, 8, 8)))
        assert_names(refusal(path), f"[20, {channels}, 8, 8]", "channels first", "moveaxis(x, 1, -1)")
    assert read(saved(tmp_path / "x.npy", levels(20, (3, 8, 3)))).event_shape == (3, 8, 3)


def test_channels_are_of_images(tmp_path):
    path = saved(tmp_path / "x.npy", X)
    assert_names(refusal(path, channels=3), "--channels 3", "of shape [4]", "Leave --channels out")
    assert_names(refusal(write(tmp_path / "t.csv", ROWS), channels=1), "--channels 1")
    records = write_records(tmp_path / "r.tfrecord", [{"v": list(map(float, row))} for row in X])
    assert_names(refusal(records, channels=1), "--channels 1")
    assert read(path, channels=1, image_size=(2,)).event_shape == (2, 2, 1)


@pytest.mark.parametrize("parts", [("test",), ("val", "test"), ("test", "cats")])
def test_folders_without_training_data(tmp_path, parts):
    for part in parts:
        folder(tmp_path / "im" / part)
    assert_names(refusal(tmp_path / "im"), "Expected", "test")
    if len(parts) == 1:
        assert len(read(folder(tmp_path / "others", seed=1), test_data=str(tmp_path / "im")).test) == 30


def test_records_without_training_data(tmp_path):
    (tmp_path / "r").mkdir()
    write_records(tmp_path / "r" / "test-0.tfrecord", [{"v": list(map(float, row))} for row in X])
    assert_names(refusal(tmp_path / "r"), "training examples", "test data only")


def first_chunk(width, height):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return PNG + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + bytes(30)


@pytest.mark.parametrize(
    "content",
    [
        PNG + bytes(40),
        png(levels(1)[0])[:16] + struct.pack(">II", 77, 99) + png(levels(1)[0])[24:],
        first_chunk(0, 0),
        b"\xff\xd8\x00\xc0\x00\x11\x08\x00\x09\x00\x09\x03" + bytes(99),
    ],
    ids=["zeros", "changed", "empty", "jpeg"],
)
def test_damaged_images_have_no_size(tmp_path, content):
    assert image_header(content) is None
    assert image_header(first_chunk(77, 99)) == (99, 77, 1, 8)
    write(folder(tmp_path / "im", n=110) / "bad.png", content)
    assert_names(read(tmp_path / "im").description, "left out 1 of 111", "bad.png")


# paths


def test_paths_that_lead_nowhere(tmp_path):
    for name in ("x.npy", "photos"):
        (tmp_path / name).symlink_to(tmp_path / name)
        assert_names(refusal(tmp_path / name), "No file or folder", "a link to nothing, or to itself")
    os.mkfifo(tmp_path / "pipe.csv")
    assert_names(refusal(tmp_path / "pipe.csv"), "neither a file nor a folder")
    assert_names(refusal(f"{tmp_path}/\0.npy"), "No file or folder")
    assert_names(refusal(saved(tmp_path / "y.npy", X), test_data=""), "got nothing")


def test_names_that_are_not_utf8(tmp_path):
    bad = os.fsdecode(b"\xff")
    folder(tmp_path / bad / bad, n=110).joinpath("000.png").rename(tmp_path / bad / bad / f"{bad}.png")
    write(tmp_path / bad / bad / f"junk {bad}.png", b"junk")
    dataset = read(tmp_path / bad)
    assert_names(dataset.description, r"junk \xff.png", r"\xff: images in a folder")
    for text in (dataset.description, dataset.name, *dataset.train_labels.tolist()):
        assert text.encode()
    records = write_records(tmp_path / "r.tfrecord", [{"v": list(map(float, row))} for row in X])
    assert read(records.rename(tmp_path / f"{bad}.tfrecord")).event_shape == (4,)


# sizes


def test_photos_are_counted_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "FolderImages", lambda *args: pytest.fail("They were to be refused."))
    for i in range(12):
        write(tmp_path / f"{i}.png", first_chunk(4000, 3000))
    monkeypatch.setattr(memory, "total_memory", lambda: 24 * 2**30)
    with pytest.raises(ValueError, match=r"3000 × 4000 × 1 .* 12,000,000 numbers") as error:
        load_user_data(Config(data=str(tmp_path)))
    needed = 4 * 12_000_000 * (3 * 12 + 4 * 256) / 2**30  # a batch of all twelve, and the first layer
    assert_names(str(error.value), f"{needed:,.1f} GiB", "24.0", "--image-size 64")


@pytest.mark.parametrize("name", ["x.npy", "x.csv"])
def test_wide_rows_are_counted_before_they_are_read(tmp_path, monkeypatch, name):
    saved(tmp_path / "x.npy", np.zeros((20, 30_000)))
    write(tmp_path / "x.csv", "1,2," * 9_999 + "1\n")
    monkeypatch.setattr(memory, "total_memory", lambda: 2**24)
    monkeypatch.setattr(np, "frombuffer", lambda *args: pytest.fail("They were to be refused."))
    with pytest.raises(ValueError, match=r"GiB or more, and this machine has 0\.0\. Give fewer columns"):
        load_user_data(Config(data=str(tmp_path / name)))


def test_memory_that_runs_out_is_a_sentence(tmp_path, monkeypatch):
    def exhausted(*args):
        raise np._core._exceptions._ArrayMemoryError((10**9,), np.dtype("f8"))

    monkeypatch.setattr("training.data.user_data.scan", exhausted)
    assert_names(refusal(saved(tmp_path / "x.npy", X)), "memory", "ran out while", "x.npy")


# images without an axis of channels


def test_images_with_and_without_an_axis_of_channels_are_one_kind(tmp_path):
    x, y = levels(20, (5, 6)), levels(9, (5, 6), seed=1)
    saved(tmp_path / "flat.npy", x)
    saved(tmp_path / "axis.npy", x[..., None])
    np.savez(tmp_path / "both.npz", x_train=x, x_test=y[..., None])
    for i, image in enumerate(y):
        write_image(tmp_path / "folder" / f"{i}.png", image[..., None])
    for name in ("flat.npy", "axis.npy", "both.npz"):
        for test in ("flat.npy", "axis.npy", "folder"):
            dataset = read(tmp_path / name, test_data=str(tmp_path / test))
            assert dataset.event_shape == dataset.test.shape[1:] == (5, 6, 1)
    assert read(tmp_path / "flat.npy").checksum == read(tmp_path / "axis.npy").checksum


def test_the_simplex_has_no_channels(tmp_path):
    x = np.random.default_rng(0).dirichlet(np.ones(3), (20, 5))
    assert read(saved(tmp_path / "x.npy", x), support="simplex").event_shape == (5, 3)


def test_pages_and_folders_of_runs_on_names_that_are_not_utf8(tmp_path):
    bad = os.fsdecode(b"\xff")
    assert str(Config(data=bad).folder) == r"runs/tril_vae-\xff"
    run.write(tmp_path / "report.html", f"found in {bad}")
    assert (tmp_path / "report.html").read_text() == r"found in \udcff"
