"""Image files to send as they are, and their pixels."""

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg")
BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")  # of a PNG, of a JPEG
LEAST_SIZE = 28  # pixels of an image on a sheet in height or width; smaller ones are enlarged
GAP = 2  # pixels between images
COLUMNS = 16  # images in a row of pairs


class ImageFiles:
    """Image files, of which only those being sent are in memory.

    Args:
        paths: of the files.
        root: the folder that their names are relative to.
    """

    bytes = True

    def __init__(self, paths, root):
        self.paths = paths
        self.root = root
        self.names = [path.relative_to(root).as_posix() for path in paths]

    def __len__(self):
        return len(self.paths)

    def inputs(self, start, stop):
        """Returns the files' bytes, as a signature takes them.

        Raises:
            ValueError: a file is neither PNG nor JPEG.
        """
        return {"image_bytes": [_content(path) for path in self.paths[start:stop]]}

    def first(self, count):
        """Returns the first examples."""
        return ImageFiles(self.paths[:count], self.root)

    def place(self, start, stop):
        """Returns the place of some examples, in words."""
        names = self.names[start:stop]
        return f"'{names[0]}'" + (f" to '{names[-1]}'" if len(names) > 1 else "")


def image_files(path):
    """Returns the images in a folder and below, sorted, without hidden ones.

    Args:
        path: Path of a folder, or of one image.

    Raises:
        ValueError: there are none.
    """
    if path.is_file():
        return [path]
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not found:
        raise ValueError(f"No images ({', '.join(SUFFIXES)}) in the folder '{path}'. Name one that has some.")
    return found


def _content(path):
    content = Path(path).read_bytes()
    if not content.startswith(BEGINNINGS):
        raise ValueError(f"'{path}' is neither a PNG nor a JPEG image. Remove it, or save it as one.")
    return content


def is_image(shape):
    """Returns whether rows of a shape are images.

    Args:
        shape: shape of one row, (height, width, channels).
    """
    return len(shape) == 3 and shape[-1] in (1, 3)


def decoded(contents, shape=None):
    """Decodes image files.

    Args:
        contents: their bytes.
        shape: (height, width, channels) to resize them to; None for their own.

    Returns:
        uint8 [N, height, width, channels].

    Raises:
        ValueError: one cannot be read.
    """
    try:
        return np.stack([_pixels(Image.open(io.BytesIO(content)), shape) for content in contents])
    except OSError as error:
        raise ValueError(f"An image cannot be read: {error}.") from error


def _pixels(image, shape):
    gray = image.mode in ("1", "L", "LA") if shape is None else shape[-1] == 1
    image = image.convert("L" if gray else "RGB")
    if shape is not None and image.size != (shape[1], shape[0]):
        image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image.height, image.width, -1)


def levels(x):
    """Returns numbers as pixels: those in [0, 1] and [0, 255] by this range, others from the least to the greatest.

    Args:
        x: array of images.

    Returns:
        uint8, of the same shape.
    """
    x = np.asarray(x, np.float64)
    least, greatest = x.min(), x.max()
    ranges = ((0, 1), (0, 255), (least, max(greatest, least + 1e-6)))
    low, high = next((low, high) for low, high in ranges if low <= least and greatest <= high)
    return np.round((x - low) * 255 / (high - low)).astype(np.uint8)


def contact_sheet(images, columns=None):
    """Draws images side by side on white.

    Args:
        images: uint8 [N, height, width, channels].
        columns: number of images in a row; None for a sheet that is about square.

    Returns:
        A PIL image.
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    scale = max(1, math.ceil(LEAST_SIZE / max(height, width)))
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    height, width = height * scale + GAP, width * scale + GAP
    sheet = np.full((GAP + math.ceil(count / columns) * height, GAP + columns * width, channels), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = GAP + i // columns * height, GAP + i % columns * width
        sheet[top : top + height - GAP, left : left + width - GAP] = image
    return Image.fromarray(sheet.squeeze(-1) if channels == 1 else sheet)


def sheet_of_pairs(images, others):
    """Draws images, each with another below it.

    Args:
        images: uint8 [N, height, width, channels].
        others: uint8 [N, height, width, channels].

    Returns:
        A PIL image.
    """
    columns = min(COLUMNS, len(images))
    rows = []
    for start in range(0, len(images), columns):
        for some in (images[start : start + columns], others[start : start + columns]):
            blank = np.full((columns - len(some), *some.shape[1:]), 255, np.uint8)
            rows.append(np.concatenate([some, blank]))
    return contact_sheet(np.concatenate(rows), columns)
