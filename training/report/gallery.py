"""Examples side by side, in pictures whose time does not depend on how many numbers an example has."""

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from training.report.colors import INK, MUTED, PAPER, VALIDATION

BARS = 30  # elements of vectors, at most, that are drawn as bars
PANEL = 0.72  # inches, the width of an example
PIXELS = 64  # of a panel's longer side, at least, so that the gap between two can be thin
TALL, FLAT, VECTOR = 3.0, 0.25, 0.6  # height to width: of a panel at most and at least, and of bars
FLOOR = 0.04  # so that the least of a column is not taken for a gap


@dataclass(frozen=True)
class Scale:
    """Between which values examples are drawn, and which elements of vectors: by the training data in all pictures.

    Args:
        low, high: what is drawn as black and white, or as the lowest and the highest bar: numbers [C] for the elements
            of vectors that are drawn, which may be of different units; else one number.
        elements: indices of these elements [C]; None if examples are no vectors.
    """

    low: np.ndarray
    high: np.ndarray
    elements: np.ndarray | None = None

    @classmethod
    def of(cls, x):
        """Returns the scale of training examples [N, *x].

        Of vectors of many elements those are drawn that vary most, and in each the outermost values are left out.
        """
        if x.ndim != 2:
            return cls(np.float32(x.min()), np.float32(x.max()))
        elements = varying(x, BARS)
        x = np.float32(x[:, elements])
        low, high = np.percentile(x, (0.5, 99.5), axis=0)
        narrow = low == high  # a rare value
        return cls(np.where(narrow, x.min(axis=0), low), np.where(narrow, x.max(axis=0), high), elements)

    def __call__(self, x):
        """Returns examples [..., *x] as numbers from 0 to 1, of vectors [..., C]."""
        x = np.float32(x) if self.elements is None else np.float32(x[..., self.elements])
        return np.clip((x - self.low) / np.where(self.high > self.low, self.high - self.low, 1), 0, 1)


def varying(x, most):
    """Returns which elements of vectors vary most, by their standard deviation.

    Args:
        x: [N, D].
        most: how many, at most; all are in order where there are no more.

    Returns:
        Their indices, rising.
    """
    if x.shape[1] <= most:
        return np.arange(x.shape[1])
    return np.sort(np.argsort(-x.std(axis=0, dtype=np.float64), kind="stable")[:most])


def beside(x, reconstructions, scale):
    """Examples in the upper row, their reconstructions under them.

    Args:
        x: [n, *x].
        reconstructions: [n, *x].
        scale: a `Scale`.
    """
    return gallery(np.stack([x, reconstructions]), scale, rows=["data", "reconstruction"])


def traversal(images, steps, scale):
    """What the decoder makes of points along some axes through the mean of one posterior.

    Args:
        images: [axes, steps, *x].
        steps: where the points are, in standard deviations from the mean.
        scale: a `Scale`.
    """
    columns = [f"{step:+.1f} σ" if step else "mean" for step in steps]
    return gallery(images, scale, [f"axis {i + 1}" for i in range(len(images))], columns)


def gallery(x, scale, rows=None, columns=None):
    """A grid of examples: images, or bars for the elements of vectors.

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
    """Returns the height of an example of that shape to its width, as it is drawn."""
    height, width = _pixels(shape)
    return VECTOR if len(shape) == 1 else float(np.clip(height / width, FLAT, TALL))


def _pixels(shape):
    """Returns height and width of an example that is drawn as an image; a strip, if it is none."""
    if len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3)):
        return shape[:2]
    return 1, int(np.prod(shape))


def draw(axes, x, scale):
    """Draws examples [rows, columns, *x] into one pair of axes, without ticks.

    Returns:
        The centres of the columns, and those of the rows.
    """
    axes.spines[:].set_visible(False)
    axes.set(xticks=[], yticks=[])
    return (_draw_bars if scale.elements is not None else _draw_images)(axes, scale(x))


def _draw_bars(axes, x):
    height, width, n = x.shape
    x = x.reshape(-1, n)
    left, top = (0.06 + np.indices((height, width))[::-1]).reshape(2, -1)  # of the panels, 1 apart, each 0.88 wide
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
    """Returns the corners [n, 4, 2] of rectangles, their sides being arrays; the y axis points down."""
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
    grey = colormaps["gray"].with_extremes(bad=(0, 0, 0, 0))
    shown = mosaic[..., 0] if mosaic.shape[-1] == 1 else mosaic
    axes.imshow(shown, cmap=grey, vmin=0, vmax=1, aspect="auto")
    return np.arange(width) * across + w / 2, np.arange(height) * down + h / 2
