"""Pictures of a fine-tuning: its curve beside that from scratch, and what the model makes before and after."""

import numpy as np
from matplotlib.figure import Figure

from training.report import gallery
from training.report.colors import MUTED, VALIDATION

SHOWN = 12  # examples and samples in a row


def figures(comparison, vae, shown, history):
    """Yields pairs of a name and a matplotlib figure.

    Args:
        comparison: `training.finetuning.account.Comparison`.
        vae: the fine-tuned `zoo.VAE`.
        shown: `training.report.figures.Shown`.
        history: of the fine-tuning, a dict of lists, a value per epoch.
    """
    if comparison.scratch is not None:
        yield "fine_tuning", curves(negative_elbo(history), negative_elbo(comparison.scratch))
    if comparison.base is not None:
        yield "before_and_after", before_and_after(comparison.base, vae, shown)


def negative_elbo(history):
    """Returns −ELBO of the validation examples, a value per epoch: with the whole KL, also while it is warmed up.

    Args:
        history: a dict of lists, a value per epoch.
    """
    return np.add(history["val_reconstruction"], history["val_kl"])


def curves(fine_tuned, scratch):
    """Draws −ELBO of the validation examples over the epochs.

    Args:
        fine_tuned: of the fine-tuning, a value per epoch, in nats per example.
        scratch: of the training from scratch.
    """
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    for values, label, color in ((scratch, "from scratch", MUTED), (fine_tuned, "fine-tuned", VALIDATION)):
        axes.plot(np.arange(1, len(values) + 1), values, color=color, label=label)
    late = np.concatenate([values[len(values) // 20 :] for values in (fine_tuned, scratch)])
    margin = 0.05 * max(np.ptp(late), 1e-6)
    axes.set(
        xlabel="epoch", ylabel="−ELBO of validation examples, nats", ylim=(late.min() - margin, late.max() + margin)
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return figure


def before_and_after(base, vae, shown):
    """Draws test examples, their reconstructions, and samples of the prior, of both models.

    Args:
        base: the `zoo.VAE` that the fine-tuning started from.
        vae: the fine-tuned one.
        shown: `training.report.figures.Shown`.
    """
    x = shown.x[:SHOWN]
    rows = [x, *(model.reconstruct(x).numpy() for model in (base, vae))]
    rows += [model.generate(len(x), seed=0).numpy() for model in (base, vae)]
    names = ["data", "before", "fine-tuned", "samples before", "samples after"]
    return gallery.gallery(np.stack(rows), shown.scale, names)
