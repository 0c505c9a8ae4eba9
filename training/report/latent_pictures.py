"""Figures of latent space: aggregated posterior, KL of dimensions, importance weights."""

import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from training.report.colors import INK, MUTED, PRIOR, TRAIN, VALIDATION

BINS, BLUR = 160, 1.5  # of a density, in cells


def densities(q, p, plane):
    """Draws q(z) as a density and p(z) as contours, in a plane.

    Args:
        q: samples of the aggregated posterior [n, L].
        p: samples of the prior [n, L].
        plane: two directions [L, 2].
    """
    q, p = q @ plane, p @ plane
    low, high = (np.percentile(np.concatenate([q, p]), share, axis=0) for share in (0.1, 99.9))
    edges = [np.linspace(*limits, BINS + 1) for limits in zip(low, np.maximum(high, low + 1e-3), strict=True)]
    q, p = (np.histogram2d(*points.T, bins=edges, density=True)[0] for points in (q, p))
    q, p = gaussian_filter(q, BLUR), gaussian_filter(p, 2 * BLUR)  # contours need more smoothing than a surface

    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.subplots()
    shown = axes.pcolormesh(*edges, q.T, cmap="Blues", rasterized=True)
    centers = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    axes.contour(*centers, p.T, levels=_levels(p), colors=PRIOR, linewidths=1.1)
    line = axes.plot([], [], color=PRIOR, label="p(z): regions of 50, 80 and 95 %")
    figure.colorbar(shown, ax=axes, shrink=0.9, label="q(z)")
    axes.legend(handles=line, frameon=False, loc="upper right")
    axes.set(xlabel="first principal direction of the posteriors' means", ylabel="second principal direction")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _levels(density, shares=(0.95, 0.8, 0.5)):
    """Returns the values of a density above which shares of its mass lie, ascending."""
    values = np.sort(density.ravel())[::-1]
    total = np.cumsum(values) / values.sum()
    levels = [values[np.searchsorted(total, share)] for share in shares]
    return np.unique(levels)


def dimensions(mean_kl, marginal_kl, active):
    """Draws the KL to the prior of each latent dimension, inactive ones in gray.

    Args:
        mean_kl: mean KL(q(zⱼ|x) ‖ p(zⱼ)), a `training.evaluation.estimate.Estimate` of [L].
        marginal_kl: KL(q(zⱼ) ‖ p(zⱼ)), likewise.
        active: bool [L].
    """
    order = np.argsort(-np.asarray(mean_kl.value))
    values = (*mean_kl, *marginal_kl, active)
    mean_kl, mean_error, marginal_kl, marginal_error, active = (np.asarray(of_all)[order] for of_all in values)
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(mean_kl))
    axes.bar(places, mean_kl, color=np.where(active, VALIDATION, MUTED), label="mean KL(q(zⱼ|x) ‖ p(zⱼ))")
    if mean_error.any():
        axes.errorbar(places, mean_kl, 2 * mean_error, fmt="none", ecolor=INK, elinewidth=0.9)
    axes.errorbar(places, marginal_kl, 2 * marginal_error, fmt="none", ecolor=PRIOR, elinewidth=0.9)
    for place in places[~active]:  # whose bars may be too low to see
        axes.axvspan(place - 0.5, place + 0.5, color=MUTED, alpha=0.25, linewidth=0)
    if not active.all():
        axes.bar([], [], color=MUTED, alpha=0.4, label="inactive")
    axes.plot(places, marginal_kl, "o", markersize=3.5, color=PRIOR, label="KL(q(zⱼ) ‖ p(zⱼ))")
    axes.set_xticks(places, order, fontsize=7 if len(order) > 24 else None)
    axes.set(xlabel="latent dimension", ylabel="nats")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def weights(log_weights, curve):
    """Draws a histogram of importance weights, and the log-likelihood over the number of importance samples.

    Args:
        log_weights: log w of K importance samples for each of B examples [K, B].
        curve: number of importance samples -> log-likelihood.
    """
    figure = Figure(figsize=(9, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    relative = log_weights - np.logaddexp.reduce(log_weights, axis=0) + np.log(len(log_weights))
    relative = relative[np.isfinite(relative)]
    low = np.percentile(relative, 0.5)
    left.hist(relative, bins=80, range=(low, relative.max()), color=TRAIN, log=True)
    left.axvline(0, color=MUTED, linestyle=":")
    left.set(xlabel="log w − log mean w, nats", ylabel="importance samples")
    right.plot([int(k) for k in curve], list(curve.values()), "o-", color=VALIDATION)
    right.set(xlabel="importance samples", ylabel="log-likelihood, nats", xscale="log")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.tick_params(colors=INK)
    return figure
