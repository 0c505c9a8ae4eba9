"""The plan of a fine-tuning as a table, before the first step."""

from zoo.finetuning.plan import plan


def table(vae):
    """Returns a table: for each part its weights, how many of them are trained, and where they come from.

    Args:
        vae: the `zoo.VAE`, as it is before the first step.
    """
    parts = plan(vae)
    rows = [("part", "", "weights", "trained", "", "of the earlier training")]
    rows += [
        (
            part.role,
            part.spec,
            f"{part.weights:,}",
            f"{part.trained:,}",
            part.training,
            part.origin * bool(part.weights),
        )
        for part in parts
    ]
    weights, trained = sum(part.weights for part in parts), sum(part.trained for part in parts)
    rows.append(("total", "", f"{weights:,}", f"{trained:,}", f"{trained / max(weights, 1):.1%}", ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = "<<>><<"  # numbers to the right
    lines = (
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)) for row in rows
    )
    return "\n".join(f"  {line}".rstrip() for line in lines)
