"""Figures of the columns of tables; of wide tables, of the columns with the largest variance."""

import numpy as np
from matplotlib.figure import Figure

from training.report.colors import INK, MUTED, TRAIN, VALIDATION
from training.report.gallery import BARS

COLUMNS = 12  # maximum number of columns whose values are drawn
NAMED, LONG = 3, 24  # number of best and worst columns to name, and characters of a name


def r_squared(x, reconstructions):
    """Returns the coefficient of determination of each column, 1 − Σ(x − x̂)² / Σ(x − x̄)².

    Args:
        x: [N, D].
        reconstructions: x̂ [N, D].

    Returns:
        [D]; NaN of constant columns.
    """
    x, reconstructions = np.float64(x), np.float64(reconstructions)
    total = np.sum((x - x.mean(axis=0)) ** 2, axis=0)
    rest = np.sum((x - reconstructions) ** 2, axis=0)
    return np.where(total > 0, 1 - rest / np.where(total > 0, total, 1), np.nan)


def reconstructed(x, reconstructions, r2, names):
    """Draws data against their reconstructions, a panel for each column.

    Args:
        x: [N, C].
        reconstructions: [N, C].
        r2: R² of each column [C].
        names: of the columns.
    """
    figure, grid = _panels(len(names), 2.1)
    for axes, values, made, share, name in zip(grid, x.T, reconstructions.T, r2, names, strict=True):
        axes.axline((values.mean(), values.mean()), slope=1, color=MUTED, linewidth=0.8, linestyle=":")
        axes.plot(values, made, ".", color=VALIDATION, markersize=3, alpha=0.5, markeredgewidth=0)
        axes.set_title(f"{_short(name)}\nR² {share:.2f}", fontsize=8)
        axes.margins(0.06)
    figure.supxlabel("data", fontsize="small")
    figure.supylabel("reconstruction", fontsize="small")
    return figure


def shares(r2, names):
    """Draws R² of each column: bars with names or, of many columns, a curve from the best to the worst.

    Args:
        r2: [D], NaN of constant columns.
        names: of the columns.
    """
    order = np.argsort(-np.nan_to_num(r2, nan=-np.inf), kind="stable")[: np.isfinite(r2).sum()]
    few = len(r2) <= BARS
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.subplots()
    places, values = np.arange(len(order)), r2[order]
    if few:
        axes.bar(places, values, color=VALIDATION)
        axes.set_xticks(places, [_short(names[i]) for i in order], rotation=90 if len(order) > 6 else 0, fontsize=7)
    else:
        axes.fill_between(places, 0, values, color=TRAIN, linewidth=0)
        axes.plot(places, values, color=VALIDATION)
        ends = {"best": order[:NAMED], "worst": order[::-1][:NAMED]}
        said = (
            f"{which}: " + ", ".join(f"{_short(names[i])} {r2[i]:.2f}" for i in index) for which, index in ends.items()
        )
        axes.set_xlabel("columns by rank; " + "; ".join(said), fontsize=8)
    axes.set(ylabel="R²", ylim=(np.clip(np.min(values, initial=0), -1, 0), 1))
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def correlations(data, samples, names):
    """Draws the correlations of columns, of data and of samples.

    Args:
        data: [N, C].
        samples: [M, C].
        names: of the columns.
    """
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    for axes, (title, x) in zip(figure.subplots(1, 2), {"data": data, "samples": samples}.items(), strict=True):
        with np.errstate(invalid="ignore", divide="ignore"):  # constant columns have none
            matrix = np.atleast_2d(np.corrcoef(np.float64(x).T))
        shown = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set_title(title, fontsize="medium")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        if len(names) <= BARS and title == "data":
            axes.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=7)
            axes.tick_params(length=0)
    figure.colorbar(shown, ax=figure.axes, shrink=0.8, label="correlation")
    return figure


def marginals(data, samples, names):
    """Draws histograms of columns, of data and of samples.

    Args:
        data: [N, C].
        samples: [M, C].
        names: of the columns.
    """
    figure, grid = _panels(len(names), 1.7)
    for axes, name, *pair in zip(grid, names, data.T, samples.T, strict=True):
        low, high = np.percentile(pair[0], (0.5, 99.5))
        pad = 0.15 * (high - low) or 0.5
        bins = np.linspace(low - pad, high + pad, 25)
        shares = {"data": (TRAIN, "stepfilled"), "samples of the prior": (VALIDATION, "step")}
        for (label, (color, kind)), x in zip(shares.items(), pair, strict=True):
            weights = np.full(len(x), 1 / len(x))  # those outside the figure count too
            axes.hist(x, bins, weights=weights, histtype=kind, color=color, label=label, linewidth=1.4)
        axes.set_title(_short(name), fontsize=8)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _panels(n, height):
    """Returns a figure and its n axes, four per row, each `height` inches high."""
    width = min(n, 4)
    rows = -(-n // width)
    figure = Figure(figsize=(2.4 * width, height * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, width, squeeze=False).flat
    for axes in grid[n:]:
        axes.set_visible(False)
    for axes in grid[:n]:
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, grid[:n]


def _short(name):
    return name if len(name) <= LONG else name[: LONG - 1] + "…"
