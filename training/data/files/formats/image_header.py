"""The size of a PNG or JPEG image, from its first bytes."""

import struct
import zlib
from typing import NamedTuple

from zoo.data.images import PNG


class ImageHeader(NamedTuple):
    """What an image file says before its pixels.

    Args:
        height: in pixels.
        width: in pixels.
        channels: 1 or 3; transparency does not count.
        bits: of a value, 8 or 16.
    """

    height: int
    width: int
    channels: int
    bits: int = 8


def image_header(content):
    """Returns the `ImageHeader` of a PNG or JPEG image; None if the bytes do not contain it.

    Args:
        content: its bytes, or the first of them.
    """
    header = _png_header(content) if content[: len(PNG)] == PNG else _jpeg_header(content)
    return header if header is not None and header.height and header.width else None


def _png_header(content):
    """Returns what the first chunk of a PNG image says, if its checksum is right."""
    chunk, checksum = content[12:29], content[29:33]
    if chunk[:4] != b"IHDR" or zlib.crc32(chunk).to_bytes(4, "big") != checksum:
        return None
    width, height, bits, color = struct.unpack(">IIBB", chunk[4:14])
    return ImageHeader(height, width, 1 if color in (0, 4) else 3, 16 if bits == 16 else 8)


def _jpeg_header(content):
    place = 2 if content[:2] == b"\xff\xd8" else len(content)
    # A segment: FF, its kind, its length including these two bytes.
    while place + 10 <= len(content) and content[place] == 0xFF:
        kind, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if kind == 0xFF:  # padding
            place += 1
        elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # the start of a frame
            height, width, channels = struct.unpack(">HHB", content[place + 5 : place + 10])
            return ImageHeader(height, width, 1 if channels == 1 else 3)
        else:
            place += 2 + length
    return None
