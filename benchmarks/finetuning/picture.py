"""The picture of fine-tuning beside training from scratch: −ELBO of the validation examples over the epochs."""

import csv

import numpy as np
from matplotlib.figure import Figure

from benchmarks.finetuning.cases import CASES
from benchmarks.finetuning.runs import folder
from training.report.colors import MUTED, VALIDATION
from training.report.finetuning_pictures import negative_elbo
from training.run_folder import HISTORY

COLUMNS = 3


def draw(settings, names, path):
    """Draws a panel for each case, with a thin line for each seed and a thick one for their mean.

    Args:
        settings: `benchmarks.finetuning.__main__.Settings`.
        names: of the cases.
        path: file to write it to; its suffix is the format.
    """
    rows = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(3.4 * COLUMNS, 2.5 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        draw_case(axes, [folder(settings, name, seed) for seed in settings.seeds])
        axes.set_title(f"{name}: {CASES[name].number:,} images", fontsize=10, loc="left")
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    figure.supxlabel("epoch", fontsize=10)
    figure.supylabel("−ELBO of validation examples, nats", fontsize=10)
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
    low, high = np.quantile(late, (0, 0.98))
    axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)


def history(folder):
    """Returns −ELBO of the validation examples of a run, with the whole KL, a value per epoch.

    Args:
        folder: its folder.
    """
    with (folder / HISTORY).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return negative_elbo({name: [float(row[name]) for row in rows] for name in ("val_reconstruction", "val_kl")})
