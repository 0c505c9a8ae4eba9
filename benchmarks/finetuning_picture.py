"""The picture of fine-tuning beside training from scratch: validation loss over the epochs."""

import csv

import numpy as np
from matplotlib.figure import Figure

from benchmarks.finetuning import CASES, folder
from training.report.colors import MUTED, VALIDATION
from training.run_folder import HISTORY

COLUMNS = 3


def draw(settings, names, path):
    """Draws a panel for each case, with a thin line for each seed and a thick one for their mean.

    Args:
        settings: `benchmarks.finetuning.Settings`.
        names: of the cases.
        path: file to write it to; its suffix is the format.
    """
    rows = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(3.4 * COLUMNS, 2.5 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).flat
    for axes, name in zip(panels, names, strict=False):
        draw_case(axes, [folder(settings, name, seed) for seed in settings.seeds])
        axes.set_title(f"{name}: {CASES[name].number:,} images", fontsize=10, loc="left")
    for axes in list(panels)[len(names) :]:
        axes.set_visible(False)
    figure.supxlabel("epoch", fontsize=10)
    figure.supylabel("validation loss, nats per example", fontsize=10)
    figure.savefig(path, dpi=110)


def draw_case(axes, folders):
    """Draws the curves of one case.

    Args:
        axes: of matplotlib.
        folders: the runs' folders, one of each seed.
    """
    late = []
    for suffix, label, color in (("-scratch", "from scratch", MUTED), ("", "fine-tuned", VALIDATION)):
        curves = [history(folder.with_name(folder.name + suffix)) for folder in folders]
        shortest = min(map(len, curves))
        for curve in curves:
            axes.plot(np.arange(1, len(curve) + 1), curve, color=color, linewidth=0.6, alpha=0.6)
        mean = np.mean([curve[:shortest] for curve in curves], axis=0)
        axes.plot(np.arange(1, shortest + 1), mean, color=color, linewidth=2, label=label)
        late += [value for curve in curves for value in curve[len(curve) // 10 :]]
    margin = 0.05 * np.ptp(late)
    axes.set_ylim(min(late) - margin, max(late) + margin)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)


def history(folder):
    """Returns the validation loss of a run, a value per epoch.

    Args:
        folder: its folder.
    """
    with (folder / HISTORY).open(encoding="utf-8", newline="") as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file)]
