"""The picture of the goals: what was measured ÷ the goal, a line each."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FixedLocator, NullLocator

from benchmarks.peers.goals import outcome
from benchmarks.peers.table import aim, goals_of, label, measured

INK, MUTED, REACHED, NOT_REACHED = "#222222", "#8a8f98", "#1f4e8c", "#c23b22"

TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10)
LEAST = 0.05  # on the axis; differences of seconds may be negative


def draw(rows, results, path):
    """Draws the picture of the goals.

    Args:
        rows: the `Row`s.
        results: row -> {"contestants": contestant -> what was measured}.
        path: file to write it to; its suffix is the format.
    """
    found = [(goal, outcome(goal, results[row.name]["contestants"])) for row, goal in goals_of(rows, results)]
    found = [(goal, values) for goal, values in found if values is not None][::-1]
    figure, axes = plt.subplots(figsize=(10, 1 + 0.26 * len(found)), layout="constrained")
    for y, (goal, values) in enumerate(found):
        color = REACHED if goal.is_reached(values.value) else NOT_REACHED
        low, value, high = (to_goal(goal, v) for v in (values.low, values.value, values.high))
        axes.plot([low, high], [y, y], color=color, linewidth=1.5)
        axes.plot(value, y, "o", color=color, markersize=5)
        axes.annotate(
            measured(goal, values).split(" (")[0],
            (max(value, high), y),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.axvline(1, color=MUTED, linewidth=1)
    names = [f"{label(goal, values)}  {aim(goal)}".replace("`", "") for goal, values in found]
    axes.set_yticks(range(len(found)), names, fontsize=8)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(-0.8, len(found) - 0.2)
    axes.set_xlim(*(f * x for f, x in zip((0.8, 1.6), axes.get_xlim(), strict=True)))
    axes.set_xlabel("measured ÷ goal (goal ÷ measured where more is better)", color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e3e6ea", linewidth=0.7)
    axes.set_axisbelow(True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def to_goal(goal, value):
    """Returns a value on the picture's axis: 1 at the goal, and less where it is surpassed.

    Args:
        goal: a `Goal`.
        value: of its kind.
    """
    value = value / goal.most if goal.most is not None else goal.least / value
    return max(value, LEAST)
