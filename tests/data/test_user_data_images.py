"""Images: their bytes become the same pixels everywhere, resized to one size, in gray or color."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image  # Matplotlib brings it: another's opinion

from tests.shared.user_files import levels, png, write_image
from training.data import load_user_data
from training.data.files.formats.image_header import image_header
from training.data.settings import DataSettings
from zoo.data.images import decode

GRAY, COLOR = levels(1, (24, 36, 1))[0], levels(1, (24, 36, 3))[0]


def encoded(pixels, form, **options):
    """The bytes that Pillow makes of an image."""
    content = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(content, form, **options)
    return content.getvalue()


@pytest.mark.parametrize("pixels", [GRAY, COLOR])
def test_an_image_of_its_own_size_is_left_as_it_is(pixels):
    np.testing.assert_array_equal(decode(encoded(pixels, "PNG"), (24, 36), pixels.shape[-1]), pixels)
    smooth = np.asarray(Image.fromarray(pixels[:3, :4].squeeze()).resize((36, 24)))  # noise is not what JPEG is for
    with Image.open(io.BytesIO(content := encoded(smooth, "JPEG", quality=95))) as image:
        expected = np.asarray(image).reshape(pixels.shape)
    np.testing.assert_allclose(decode(content, (24, 36), pixels.shape[-1]), np.float32(expected), atol=2)


@pytest.mark.parametrize("size", [(12, 18), (7, 5), (48, 40)])
@pytest.mark.parametrize("pixels", [GRAY, COLOR])
def test_sizes_are_changed_as_pillow_does(pixels, size):
    expected = Image.fromarray(pixels.squeeze()).resize(size[::-1], Image.Resampling.BILINEAR)
    made = decode(png(pixels), size, pixels.shape[-1]).numpy()
    np.testing.assert_allclose(made, np.float32(expected).reshape(made.shape), atol=2)


def test_channels_and_transparency():
    gray = decode(png(COLOR), (24, 36), 1).numpy()[..., 0]
    np.testing.assert_allclose(gray, COLOR @ [0.299, 0.587, 0.114], atol=2)
    np.testing.assert_array_equal(decode(png(GRAY), (24, 36), 3), np.repeat(GRAY, 3, axis=-1))
    transparent = np.concatenate([COLOR, GRAY], axis=-1)
    np.testing.assert_array_equal(decode(png(transparent), (24, 36), 3), COLOR)


def test_damaged_bytes_are_an_error():
    for content in (b"", b"no image", png(COLOR)[:-30], encoded(COLOR, "JPEG")[:-200]):
        with pytest.raises(tf.errors.InvalidArgumentError):
            decode(content, (24, 36), 3)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(GRAY, "PNG"), (24, 36, 1)),
        (encoded(COLOR, "PNG"), (24, 36, 3)),
        (encoded(GRAY, "JPEG"), (24, 36, 1)),
        (encoded(COLOR, "JPEG", progressive=True, comment=b"x" * 500), (24, 36, 3)),
        (png(np.concatenate([GRAY, GRAY], axis=-1)), (24, 36, 1)),
        (b"", None),
        (b"\xff\xd8\xff", None),
        (b"no image", None),
    ],
)
def test_headers(content, expected):
    assert image_header(content) == (expected and (*expected, 8))


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({}, (4, 6, 3)),
        ({"channels": 1}, (4, 6, 1)),
        ({"image_size": (8,)}, (8, 8, 3)),
        ({"image_size": (3, 5), "channels": 1}, (3, 5, 1)),
    ],
)
def test_a_folder_is_of_one_size_and_of_colors_where_one_image_is(tmp_path, settings, shape):
    for i, x in enumerate(levels(12, (4, 6, 1))):
        write_image(tmp_path / f"{i}.png", x if i else np.repeat(x, 3, axis=-1))
    assert load_user_data(DataSettings(data=str(tmp_path), **settings)).event_shape == shape


def test_black_and_white_images_are_zeros_and_ones(tmp_path):
    for i, x in enumerate(levels(12)):
        write_image(tmp_path / f"{i}.png", np.uint8(255) * (x > 127).astype(np.uint8))
    dataset = load_user_data(DataSettings(data=str(tmp_path)))
    assert dataset.support == "binary"
    assert set(np.unique(dataset.train)) == {0, 1}


def test_flat_rows_of_pixels_become_images(tmp_path):
    x = levels(20, (4, 6, 1))
    np.save(tmp_path / "x.npy", x.reshape(20, -1))
    dataset = load_user_data(DataSettings(data=str(tmp_path / "x.npy"), image_size=(4, 6)))
    assert {image.tobytes() for image in dataset.train} < {image.tobytes() for image in x}
    assert dataset.event_shape == (4, 6, 1)
