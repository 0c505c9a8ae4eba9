"""The pictures of a report, each a matplotlib figure."""

import matplotlib
import numpy as np
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

from training.shape import correlation

INK, MUTED = "#222222", "#8a8f98"
TRAIN, VALIDATION = "#9db4d0", "#1f4e8c"
NARROW = 40  # bars from which on there are no gaps between them
COLUMNS = 12  # elements of vectors, at most, whose histograms are drawn
LIMIT = 2.5  # traversals go this many standard deviations to either side


def learning_curves(history, warmup=None):
    """Training and validation loss, reconstruction and KL over the epochs.

    Args:
        history: a dict of lists, a value an epoch, nats per example.
        warmup: the epoch in which the KL reaches its full weight; None for no mark.
    """
    names = [name for name in ("loss", "reconstruction", "kl") if name in history]
    figure = Figure(figsize=(4 * len(names), 3), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        epochs = np.arange(1, len(history[name]) + 1)
        axes.plot(epochs, history[name], color=TRAIN, label="training")
        if f"val_{name}" in history:
            values = history[f"val_{name}"]
            axes.plot(epochs, values, color=VALIDATION, label="validation")
        if warmup:
            axes.axvline(warmup, color=MUTED, linestyle=":", label="end of warm-up")
        axes.set(title=name, xlabel="epoch", ylim=_without_first_jump(history, name))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    figure.supylabel("nats per example", fontsize="medium")
    return figure


def _without_first_jump(history, name):
    """Limits that leave out the first epochs of a loss, which would flatten the rest."""
    values = np.array(history[name] + history.get(f"val_{name}", []))
    late = np.concatenate([history[key][len(history[key]) // 20 :] for key in (name, f"val_{name}") if key in history])
    low, high = np.nanmin(values), np.nanmax(late)
    margin = 0.05 * max(high - low, 1e-6)
    return low - margin, high + margin


def beside(x, reconstructions):
    """Examples in the upper rows, their reconstructions under them.

    Args:
        x: [n, *x].
        reconstructions: [n, *x].
    """
    return gallery(np.stack([x, reconstructions]), rows=["data", "reconstruction"])


def gallery(x, rows=None):
    """A grid of examples: images, or bars for the elements of vectors.

    Args:
        x: [rows, columns, *x].
        rows: a name for each row.
    """
    height, width = x.shape[:2]
    x, ratio = _shown(x)
    figure = Figure(figsize=(0.72 * width + 0.9, 0.72 * height * max(ratio, 0.25) + 0.3), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.02, hspace=0.02)
    grid = figure.subplots(height, width, squeeze=False)
    for i, j in np.ndindex(height, width):
        _draw(grid[i, j], x[i, j])
    for axes, name in zip(grid[:, 0], rows or [], strict=False):
        axes.set_ylabel(name, rotation=0, ha="right", va="center", color=INK)
    return figure


def _shown(x):
    """Examples [..., *x] on a scale from 0 to 1, and their height to their width.

    The elements of vectors may be of different units and get scales of their own, all else gets one.
    """
    x = np.float32(x)
    vectors = x.ndim == 3
    axis = (0, 1) if vectors else None
    low, high = x.min(axis=axis), x.max(axis=axis)
    x = (x - low) / np.where(high > low, high - low, 1)
    if vectors:
        return x, 0.6
    if x.ndim == 5 and x.shape[-1] == 1:
        x = x[..., 0]
    if not (x.ndim == 4 or (x.ndim == 5 and x.shape[-1] == 3)):
        x = x.reshape(*x.shape[:2], 1, -1)  # a strip
    return x, x.shape[2] / x.shape[3]


def _draw(axes, x):
    """One example, as `_shown` gives it."""
    if x.ndim == 1:
        # A little more than nothing, so that the least of a column is not taken for a gap.
        axes.bar(np.arange(len(x)), 0.04 + x, width=0.8 if len(x) <= NARROW else 1.0, color=VALIDATION)
        axes.set(ylim=(0, 1.08), xlim=(-0.7, len(x) - 0.3))
        axes.set_facecolor("#f1f3f6")
    else:
        axes.imshow(x, cmap="gray", vmin=0, vmax=1, aspect="equal" if x.shape[0] >= 0.25 * x.shape[1] else "auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def marginals(data, samples, columns=None):
    """Histograms of single elements of vectors: of data, and of samples of a model.

    Args:
        data: [N, D].
        samples: [M, D].
        columns: their names.
    """
    n = min(data.shape[1], COLUMNS)
    width = min(n, 4)
    figure = Figure(figsize=(2.4 * width, 1.7 * -(-n // width) + 0.4), layout="constrained")
    grid = figure.subplots(-(-n // width), width, squeeze=False)
    for axes in grid.flat[n:]:
        axes.set_visible(False)
    for j, axes in enumerate(grid.flat[:n]):
        low, high = np.percentile(data[:, j], (0.5, 99.5))
        pad = 0.15 * (high - low) or 0.5
        bins = np.linspace(low - pad, high + pad, 25)
        shares = {"data": (data, TRAIN, True), "samples of the prior": (samples, VALIDATION, False)}
        for name, (x, colour, filled) in shares.items():
            weights = np.full(len(x), 1 / len(x))  # those out of the picture count too
            kind = "stepfilled" if filled else "step"
            axes.hist(x[:, j], bins, weights=weights, histtype=kind, color=colour, label=name, linewidth=1.4)
        axes.set_title(columns[j] if columns else f"element {j}", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.set_yticks([])
        axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def mean_absolute_correlation(covariance):
    """How correlated the latent dimensions are within a posterior, averaged over examples.

    Args:
        covariance: of the posteriors [N, L, L].
    """
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    axes = figure.subplots()
    matrix = np.abs(correlation(covariance)).mean(axis=0)
    off_diagonal = matrix[~np.eye(len(matrix), dtype=bool)]
    np.fill_diagonal(matrix, np.nan)  # always 1
    shown = axes.imshow(matrix, cmap="viridis", vmin=0, vmax=max(0.01, np.nanmax(matrix, initial=0.01)))
    figure.colorbar(shown, ax=axes, shrink=0.9)
    mean = off_diagonal.mean() if off_diagonal.size else 0.0
    axes.set_title(f"mean |correlation|, off the diagonal {mean:.3f}", fontsize="medium")
    axes.set_xlabel("latent dimension, by rank")
    axes.locator_params(integer=True)
    return figure


def covariances(x, covariance):
    """A few examples, each over the covariance of its posterior.

    Args:
        x: [n, *x].
        covariance: [n, L, L].
    """
    n = len(x)
    figure = Figure(figsize=(2.1 * n + 0.6, 3.4), layout="constrained")
    grid = figure.subplots(2, n, height_ratios=[1, 2.2], squeeze=False)
    limit = np.abs(covariance).max()
    examples, _ = _shown(x[None])
    for j in range(n):
        _draw(grid[0, j], examples[0, j])
        shown = grid[1, j].imshow(covariance[j], cmap="RdBu_r", vmin=-limit, vmax=limit)
        for axes in grid[:, j]:
            axes.set(xticks=[], yticks=[])
    figure.colorbar(shown, ax=grid[1], shrink=0.9, aspect=15)
    return figure


def ellipses(mean, covariance, labels=None):
    """Posteriors of test points as ellipses of one standard deviation, in the plane of most variance of their means.

    Args:
        mean: [n, L].
        covariance: [n, L, L].
        labels: [n] for the colours, or None.
    """
    plane = leading_plane(mean)  # [L, 2]
    centre, spread = mean @ plane, plane.T @ covariance @ plane  # [n, 2], [n, 2, 2]
    values, vectors = np.linalg.eigh(spread)
    width, height = 2 * np.sqrt(np.maximum(values, 0)).T
    angle = np.degrees(np.arctan2(vectors[:, 1, 0], vectors[:, 0, 0]))

    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    collection = EllipseCollection(
        width, height, angle, units="xy", offsets=centre, offset_transform=axes.transData, linewidths=0.9, alpha=0.8
    )
    collection.set_facecolor("none")
    if labels is None:
        collection.set_edgecolor(VALIDATION)
    else:
        kinds, codes = np.unique(labels, return_inverse=True)
        palette = _palette(len(kinds))
        collection.set_edgecolor(palette[codes])
        for kind, colour in zip(kinds, palette, strict=True):
            axes.scatter([], [], color=[colour], label=str(kind))
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.add_collection(collection)
    margin = np.sqrt(np.diagonal(spread, axis1=1, axis2=2))
    margin = np.maximum(margin, 0.1 * margin.max())  # with one latent dimension the other one here is flat
    low, high = (centre - margin).min(axis=0), (centre + margin).max(axis=0)
    pad = 0.02 * (high - low)
    low, high = low - pad, high + pad
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.set(xlabel="first principal direction", ylabel="second")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _palette(n):
    return matplotlib.colormaps["tab10" if n <= 10 else "hsv"](np.linspace(0, 1, n) if n > 10 else np.arange(n))


def leading_plane(mean):
    """The two directions of most variance [L, 2] of points [n, L]; with L = 1 the second one is zero."""
    _, _, directions = np.linalg.svd(mean - mean.mean(axis=0), full_matrices=False)
    plane = np.zeros((mean.shape[1], 2), mean.dtype)
    plane[:, : min(2, len(directions))] = directions[:2].T
    return plane


def traversal(images, steps):
    """What the decoder makes of points along some axes through the mean of one posterior.

    Args:
        images: [axes, steps, *x].
        steps: where the points are, in standard deviations from the mean.
    """
    figure = gallery(images, rows=[f"axis {i + 1}" for i in range(len(images))])
    for axes, step in zip(figure.axes[: len(steps)], steps, strict=False):
        axes.set_title(f"{step:+.1f} σ" if step else "mean", fontsize=8, color=MUTED)
    return figure
