"""Sizes and channels of images, from their headers."""

from collections import Counter

from training.data.memory import check_example


def common_shape(headers, path, settings):
    """Returns the shape that images are decoded and resized to, and checks that they can be.

    Args:
        headers: an `ImageHeader` of each image; None if it has none.
        path: where they are.
        settings: `DataSettings`.

    Returns:
        (height, width, channels).

    Raises:
        ValueError: None is an image, some have 16 bits, they are of different sizes and no size is set, or they are
            too large.
    """
    readable = [header for header in headers if header is not None]
    for check in (_check_readable, _check_bits, _check_one_size):
        check(readable, len(headers), path, settings)
    size = settings.image_size or (readable[0].height, readable[0].width)
    channels = settings.channels or max(header.channels for header in readable)
    advice = "Bring them to a smaller size, e.g. --image-size 64."
    check_example((*size, channels), len(headers), settings, path, advice)
    return (*size, channels)


def _check_readable(readable, n, path, settings):
    if not readable:
        raise ValueError(f"None of the {n} images in '{path}' can be read. Are they PNG or JPEG files?")


def _check_bits(readable, n, path, settings):
    deep = sum(header.bits == 16 for header in readable)
    if deep:
        raise ValueError(
            f"Expected images of 8 bits, but {deep} of the {n} in '{path}' have 16, half of which would be lost. "
            f"Save them as one array [N, height, width, channels] in .npy, or with 8 bits."
        )


def _check_one_size(readable, n, path, settings):
    sizes = Counter((header.height, header.width) for header in readable)
    if settings.image_size is None and len(sizes) > 1:
        common = ", ".join(f"{h} × {w} ({count} of them)" for (h, w), count in sizes.most_common(3))
        raise ValueError(
            f"The images in '{path}' have {len(sizes)} sizes, among them {common}. "
            f"Bring them to one with --image-size <height> <width>."
        )
