"""How cost grows: time and memory over one size at a time, `python -m benchmarks.peers.growth`."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import tyro
from tqdm import tqdm

from benchmarks.peers import machine, table
from benchmarks.peers.contestant import ROOT, Contestant, ContestantFailed, Running
from benchmarks.peers.plot import INK, MUTED

PAGE, PICTURE = ROOT / "docs/performance.md", ROOT / "docs/growth.png"
COLORS = ("#1f4e8c", "#c23b22", "#5b8c5a")
STEPS = 20  # in a round
DENSITY_POINTS = 1_000


@dataclass(frozen=True)
class Line:
    """A size that grows, and the work that is timed.

    Args:
        axis: name of the size, the title of its picture.
        name: of the line.
        key: the setting of the work that is the size.
        sizes: its values.
        settings: the others.
    """

    axis: str
    name: str
    key: str
    sizes: tuple[int, ...]
    settings: dict

    def contestant(self, size):
        """Returns the contestant that does the work at one size.

        Args:
            size: a value of `sizes`.
        """
        settings = {"work": "train", **self.settings, self.key: size}
        if settings["work"] == "train":
            settings["examples"] = STEPS * settings.get("batch", 100)
        return Contestant(f"{self.name}, {size:,}", "with_zoo", settings)


LATENT = "latent dimensions d"
LINES = (
    *(
        Line(LATENT, name, "latent", (8, 16, 32, 64, 128, 256, 512), {"posterior": name})
        for name in ("diag", "low_rank", "tril")
    ),
    Line("pseudo-inputs M", "VampPrior", "components", (50, 250, 500, 1_000, 2_000, 4_000), {"prior": "vamp"}),
    Line("draws K", "IWAE", "samples", (2, 5, 10, 20, 50, 100), {}),
    Line(
        "components N of q(z)",
        "log-density of 1,000 points",
        "components",
        (1_000, 10_000, 100_000, 1_000_000),
        {"work": "density", "points": DENSITY_POINTS, "latent": 40},
    ),
    Line("batch B", "diag", "batch", (16, 64, 256, 1_024, 4_096), {}),
    Line("pixels of an image", "dense layers", "pixels", (14**2, 28**2, 56**2, 112**2), {}),
    Line("pixels of an image", "convolutions", "pixels", (14**2, 28**2, 56**2, 112**2), {"network": "conv"}),
)


@dataclass(frozen=True)
class Settings:
    """Times training steps and densities over one size at a time, and draws how time and memory grow."""

    rounds: int = 3
    """Rounds at each size; the median counts."""
    threads: int = 2
    """Processors to use."""
    out: Path = Path("runs/bench/growth.json")
    """File for all that was measured."""
    docs: bool = False
    """Write the table and the picture into docs/performance.md."""
    most: int | None = None
    """Largest size to measure, to try it; unset, all."""


def main():
    """Measures all lines, and prints how each grows."""
    settings = tyro.cli(Settings)
    points = [(i, size) for i, line in enumerate(LINES) for size in line.sizes if size <= (settings.most or math.inf)]
    measured = []
    for i, size in tqdm(points, "sizes"):
        point = measure(LINES[i].contestant(size), settings)
        if point:
            measured.append({"line": i, "size": size, **point})
    results = {"machine": machine.description(settings.threads), "points": measured}
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    settings.out.write_text(json.dumps(results, indent=1))
    text = slopes_table(measured)
    print(text)
    if settings.docs:
        PAGE.write_text(table.between_marks(PAGE.read_text(), "growth", text))
        draw(measured, PICTURE)


def measure(contestant, settings):
    """Returns the median seconds of a unit of work, and the peak of memory; None if the work fails.

    Args:
        contestant: a `Contestant`.
        settings: the command's.
    """
    try:
        running = Running(contestant, settings.threads)
        try:
            answers = [running.run() for _ in range(settings.rounds)]
        finally:
            running.stop()
    except ContestantFailed as error:
        tqdm.write(str(error))
        return None
    units = DENSITY_POINTS if contestant.settings["work"] == "density" else 1
    seconds = units * median(answer["seconds"] for answer in answers)
    return {"seconds": seconds, "bytes": answers[-1]["peak_bytes"]}


def slopes_table(points):
    """Returns a table of the first and the last size of each line, and how steep it is at its end.

    Args:
        points: list of {"line", "size", "seconds", "bytes"}.
    """
    lines = ["| over | of | sizes | time | last doubling × | peak memory |", "|---|---|---|---|---|---|"]
    for i, line in enumerate(LINES):
        mine = [point for point in points if point["line"] == i]
        if len(mine) < 2:
            continue
        first, before, last = mine[0], mine[-2], mine[-1]
        steep = slope(before, last, "seconds")
        lines.append(
            f"| {line.axis} | {line.name} | {first['size']:,} to {last['size']:,} "
            f"| {1e3 * first['seconds']:.1f} to {1e3 * last['seconds']:,.1f} ms | {2**steep:.2f} "
            f"| {first['bytes'] / 2**30:.2f} to {last['bytes'] / 2**30:.2f} GiB |"
        )
    return "\n".join(lines)


def slope(a, b, what):
    """Returns the exponent of growth between two points.

    Args:
        a: a point.
        b: a point at a larger size.
        what: "seconds" or "bytes".
    """
    return math.log(b[what] / a[what]) / math.log(b["size"] / a["size"])


def draw(points, path):
    """Draws time over each size on logarithmic axes, and memory on a linear one that all share.

    Args:
        points: list of {"line", "size", "seconds", "bytes"}.
        path: file to write it to.
    """
    names = list(dict.fromkeys(line.axis for line in LINES))
    figure, grid = plt.subplots(
        2, len(names), figsize=(3 * len(names), 6), layout="constrained", squeeze=False, sharex="col", sharey="row"
    )
    for column, axis in enumerate(names):
        mine = [i for i, line in enumerate(LINES) if line.axis == axis]
        for axes, what, scale in zip(grid[:, column], ("seconds", "bytes"), (1e3, 2**-30), strict=True):
            _draw_lines(axes, points, mine, what, scale)
        grid[0, column].set_yscale("log")
        grid[1, column].set_xlabel(axis, color=INK)
        if len(mine) > 1:
            grid[0, column].legend(fontsize=8, frameon=False)
    grid[0, 0].set_ylabel("time, ms", color=INK)
    grid[0, 0].yaxis.set_major_formatter("{x:,g}")
    grid[1, 0].set(ylabel="peak memory, GiB", ylim=(0, None))
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw_lines(axes, points, lines, what, scale):
    for color, i in zip(COLORS, lines, strict=False):
        mine = [point for point in points if point["line"] == i]
        x, y = [point["size"] for point in mine], [scale * point[what] for point in mine]
        axes.plot(x, y, "o-", color=color, markersize=3.5, linewidth=1.3, label=LINES[i].name)
        if mine and what == "seconds":  # in proportion to the size
            axes.plot([x[-1] / 4, x[-1]], [y[-1] / 4, y[-1]], ":", color=MUTED, linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e3e6ea", linewidth=0.6)
    axes.set_axisbelow(True)


if __name__ == "__main__":
    main()
