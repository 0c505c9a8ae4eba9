"""The plan of a fine-tuning: a table of the parts and of what becomes of their weights."""

import keras
import numpy as np

from zoo.model.tuning import freezing
from zoo.registry import spec_of


def plan(vae):
    """Returns a table: for each part its weights, how many of them are trained, and where they come from.

    Args:
        vae: the `zoo.VAE`, as it is before the first step.
    """
    frozen = freezing.frozen(vae)
    rows = [("part", "", "weights", "trained", "from the earlier training")]
    for role in vae.PARTS:
        part = getattr(vae, role)
        weights, trained = _count(part.weights), _count(part.trainable_variables)
        kept = vae.origin.weights.get(role, "new") if weights else ""
        name = part.name if isinstance(part, keras.Model) else spec_of(part)
        rows.append((role, name, f"{weights:,}", "frozen" if role in frozen else f"{trained:,}", kept))
    trained, total = _count(vae.trainable_variables), sum(_count(getattr(vae, role).weights) for role in vae.PARTS)
    share = f"{trained / max(total, 1):.1%} of the weights"
    rows.append(("total", "", f"{total:,}", f"{trained:,}", share))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"  {role:<{widths[0]}}  {name:<{widths[1]}}  {weights:>{widths[2]}}  {trained:>{widths[3]}}  {kept}".rstrip()
        for role, name, weights, trained, kept in rows
    )


def _count(weights):
    return int(sum(np.prod(weight.shape) for weight in weights))
