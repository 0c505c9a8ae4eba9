"""Figures of learning curves and of posteriors."""

import matplotlib
import numpy as np
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

from training.evaluation.covariance import correlation
from training.report.colors import MUTED, TRAIN, VALIDATION
from training.report.gallery import draw, panel_ratio


def learning_curves(history, warmup=None):
    """Draws loss, reconstruction and KL of training and validation over the epochs.

    Args:
        history: a dict of lists, a value per epoch, in nats per example.
        warmup: the epoch in which the KL reaches its full weight, to be marked; None for no mark.
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
    """Returns limits of an axis without the first epochs, which would flatten the rest."""
    values = np.array(history[name] + history.get(f"val_{name}", []))
    late = np.concatenate([history[key][len(history[key]) // 20 :] for key in (name, f"val_{name}") if key in history])
    low, high = np.nanmin(values), np.nanmax(late)
    margin = 0.05 * max(high - low, 1e-6)
    return low - margin, high + margin


def mean_absolute_correlation(covariance):
    """Draws the absolute correlation of latent dimensions within a posterior, averaged over examples.

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


def covariances(x, covariance, scale):
    """Draws examples above the covariance of their posteriors.

    Args:
        x: [n, *x].
        covariance: [n, L, L].
        scale: a `training.report.gallery.Scale`.
    """
    n, above = len(x), min(1.0, panel_ratio(x.shape[1:]))
    figure = Figure(figsize=(2.1 * n + 0.6, 1.1 * above + 2.3), layout="constrained")
    grid = figure.subplots(2, n, height_ratios=[1.1 * above, 2.2], squeeze=False)
    limit = np.abs(covariance).max()
    for j, (top, below) in enumerate(grid.T):
        draw(top, x[j][None, None], scale)
        top.set_box_aspect(panel_ratio(x.shape[1:]))
        shown = below.imshow(covariance[j], cmap="RdBu_r", vmin=-limit, vmax=limit)
        below.set(xticks=[], yticks=[])
        below.spines[:].set_visible(False)
    figure.colorbar(shown, ax=grid[1], shrink=0.9, aspect=15)
    return figure


def ellipses(mean, covariance, labels=None):
    """Draws posteriors as ellipses of one standard deviation, in the plane of maximum variance of their means.

    Args:
        mean: [n, L].
        covariance: [n, L, L].
        labels: [n] for the colors, or None.
    """
    plane = leading_plane(mean)  # [L, 2]
    center, spread = mean @ plane, plane.T @ covariance @ plane  # [n, 2], [n, 2, 2]
    values, vectors = np.linalg.eigh(spread)
    width, height = 2 * np.sqrt(np.maximum(values, 0)).T
    angle = np.degrees(np.arctan2(vectors[:, 1, 0], vectors[:, 0, 0]))

    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    collection = EllipseCollection(
        width, height, angle, units="xy", offsets=center, offset_transform=axes.transData, linewidths=0.9, alpha=0.8
    )
    collection.set_facecolor("none")
    collection.set_edgecolor(VALIDATION if labels is None else _color_by(labels, axes))
    axes.add_collection(collection)
    low, high = _around(center, spread)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.set(xlabel="first principal direction", ylabel="second principal direction")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _around(center, spread):
    """Returns the lower and the upper corner of a plane region that contains ellipses."""
    margin = np.sqrt(np.diagonal(spread, axis1=1, axis2=2))
    margin = np.maximum(margin, 0.1 * margin.max())  # with one latent dimension the other one here is flat
    low, high = (center - margin).min(axis=0), (center + margin).max(axis=0)
    pad = 0.02 * (high - low)
    return low - pad, high + pad


def _color_by(labels, axes):
    """Returns a color for each label [n], and adds a legend."""
    kinds, codes = np.unique(labels, return_inverse=True)
    palette = _palette(len(kinds))
    for kind, color in zip(kinds, palette, strict=True):
        axes.scatter([], [], color=[color], label=str(kind))
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return palette[codes]


def _palette(n):
    return matplotlib.colormaps["tab10" if n <= 10 else "hsv"](np.linspace(0, 1, n) if n > 10 else np.arange(n))


def leading_plane(mean):
    """Returns the two principal directions [L, 2] of points [n, L]; for L = 1 the second one is zero."""
    _, _, directions = np.linalg.svd(mean - mean.mean(axis=0), full_matrices=False)
    plane = np.zeros((mean.shape[1], 2), mean.dtype)
    plane[:, : min(2, len(directions))] = directions[:2].T
    return plane
