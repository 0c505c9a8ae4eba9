"""Galleries of examples, drawn in a time that does not depend on the size of an example."""

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from training.report.colors import INK, MUTED, PAPER, VALIDATION

BARS = 30  # maximum number of elements of vectors that are drawn as bars
PANEL = 0.72  # inches, the width of an example
PIXELS = 64  # minimum of a panel's longer side, so that gaps can be thin
TALL, FLAT, VECTOR = 3.0, 0.25, 0.6  # height to width: of a panel at most and at least, and of bars
FLOOR = 0.04  # height of the lowest bar, so that it does not look like a gap


@dataclass(frozen=True)
class Scale:
    """Range of the values of examples, and the elements of vectors that are drawn: from training data, for all figures.

    Args:
        low: drawn as black or as the lowest bar; [C] for vectors, whose elements may have different units, else a
            number.
        high: drawn as white or as the highest bar, likewise.
        elements: indices of the C drawn elements of vectors; None of other data.
    """

    low: np.ndarray
    high: np.ndarray
    elements: np.ndarray | None = None

    @classmethod
    def of(cls, x):
        """Returns the scale of training examples [N, *x].

        Of long vectors the elements with the largest variance are drawn, each from its 0.5th to its 99.5th percentile.
        """
        if x.ndim != 2:
            return cls(np.float32(x.min()), np.float32(x.max()))
        elements = varying(x, BARS)
        x = np.float32(x[:, elements])
        low, high = np.percentile(x, (0.5, 99.5), axis=0)
        narrow = low == high  # a rare value
        return cls(np.where(narrow, x.min(axis=0), low), np.where(narrow, x.max(axis=0), high), elements)

    def __call__(self, x):
        """Scales examples [..., *x] to [0, 1]; of vectors, [..., C]."""
        x = np.float32(x) if self.elements is None else np.float32(x[..., self.elements])
        return np.clip((x - self.low) / np.where(self.high > self.low, self.high - self.low, 1), 0, 1)


def varying(x, most):
    """Returns the elements of vectors with the largest standard deviation.

    Args:
        x: [N, D].
        most: how many, at most.

    Returns:
        Their indices, ascending.
    """
    if x.shape[1] <= most:
        return np.arange(x.shape[1])
    return np.sort(np.argsort(-x.std(axis=0, dtype=np.float64), kind="stable")[:most])


def beside(x, reconstructions, scale):
    """Draws examples above their reconstructions.

    Args:
        x: [n, *x].
        reconstructions: [n, *x].
        scale: a `Scale`.
    """
    return gallery(np.stack([x, reconstructions]), scale, rows=["data", "reconstruction"])


def traversal(images, steps, scale):
    """Draws decoded points along axes through the mean of a posterior.

    Args:
        images: [axes, steps, *x].
        steps: of the points, in standard deviations from the mean.
        scale: a `Scale`.
    """
    columns = [f"{step:+.1f} σ" if step else "mean" for step in steps]
    return gallery(images, scale, [f"axis {i + 1}" for i in range(len(images))], columns)


def gallery(x, scale, rows=None, columns=None):
    """Draws a grid of examples: images, or bars for the elements of vectors.

    Args:
        x: [rows, columns, *x].
        scale: a `Scale`.
        rows: a name for each row, if they have names.
        columns: a name for each column, likewise.
    """
    height, width = x.shape[:2]
    figure = Figure(figsize=(PANEL * width, PANEL * height * panel_ratio(x.shape[2:])))
    axes = figure.add_axes((0, 0, 1, 1))
    across, down = draw(axes, x, scale)
    axes.set_yticks(down[: len(rows or [])], (rows or [])[: len(down)], color=INK)
    axes.set_xticks(across[: len(columns or [])], columns or [], fontsize=8, color=MUTED)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    return figure


def panel_ratio(shape):
    """Returns the aspect ratio, height to width, of an example of a shape as it is drawn."""
    height, width = _pixels(shape)
    return VECTOR if len(shape) == 1 else float(np.clip(height / width, FLAT, TALL))


def _pixels(shape):
    """Returns height and width of an example that is drawn as an image; of other shapes, a strip."""
    if len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3)):
        return shape[:2]
    return 1, int(np.prod(shape))


def draw(axes, x, scale):
    """Draws examples [rows, columns, *x] into axes, without ticks.

    Args:
        axes: of matplotlib.
        x: [rows, columns, *x].
        scale: a `Scale`.

    Returns:
        The centers of the columns, and those of the rows.
    """
    axes.spines[:].set_visible(False)
    axes.set(xticks=[], yticks=[])
    return (_draw_bars if scale.elements is not None else _draw_images)(axes, scale(x))


def _draw_bars(axes, x):
    height, width, n = x.shape
    x = x.reshape(-1, n)
    left, top = (0.06 + np.indices((height, width))[::-1]).reshape(2, -1)  # of panels, 1 apart, each 0.88 wide
    step = 0.88 / n
    edges = left[:, None] + step * (np.arange(n) + 0.1)
    heights = 0.86 * (FLOOR + x) / (1 + FLOOR)
    bottom = (top + 0.88)[:, None]
    panels = _rectangles(left[:, None], bottom, 0.88, 0.88)
    axes.add_collection(PolyCollection(panels, facecolors=PAPER, linewidths=0))
    bars = _rectangles(edges, bottom, 0.8 * step, heights)
    axes.add_collection(PolyCollection(bars, facecolors=VALIDATION, linewidths=0))
    axes.set(xlim=(0, width), ylim=(height, 0))
    return np.arange(width) + 0.5, np.arange(height) + 0.5


def _rectangles(left, bottom, width, height):
    """Returns the corners [n, 4, 2] of rectangles from arrays of their sides; the y axis points down."""
    left, bottom, width, height = np.broadcast_arrays(left, bottom, width, height)
    x, y = [left, left + width, left + width, left], [bottom, bottom, bottom - height, bottom - height]
    return np.stack([x, y], axis=-1).reshape(4, -1, 2).swapaxes(0, 1)


def _draw_images(axes, x):
    height, width, *shape = x.shape
    h, w = _pixels(tuple(shape))
    x = x.reshape(height, width, h, w, -1)
    repeat = -(-PIXELS // max(h, w))
    x = x.repeat(repeat, axis=2).repeat(repeat, axis=3)
    h, w = x.shape[2:4]
    # Gaps of a twentieth of a panel, white as the page.
    gaps = [(0, 0), (0, 0), (0, max(1, h // 20)), (0, max(1, w // 20)), (0, 0)]
    x = np.pad(x, gaps, constant_values=np.nan if x.shape[-1] == 1 else 1.0)
    down, across = x.shape[2:4]
    mosaic = x.swapaxes(1, 2).reshape(height * down, width * across, -1)
    gray = colormaps["gray"].with_extremes(bad=(0, 0, 0, 0))
    shown = mosaic[..., 0] if mosaic.shape[-1] == 1 else mosaic
    axes.imshow(shown, cmap=gray, vmin=0, vmax=1, aspect="auto")
    return np.arange(width) * across + w / 2, np.arange(height) * down + h / 2
