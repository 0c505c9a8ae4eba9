"""The presets that are part of this package, each in a folder of its name beside this file. Free of TensorFlow."""

import json
from pathlib import Path
from typing import Any

from zoo.presets.layout import METADATA, METRICS

HERE = Path(__file__).parent


def folders() -> dict[str, Path]:
    """Returns name → folder of each preset."""
    return {path.parent.name: path.parent for path in sorted(HERE.glob(f"*/{METADATA}"))}


def presets() -> dict[str, dict[str, Any]]:
    """Returns name → description, model, parameters, data and scores of each preset."""
    return {name: _summary(folder) for name, folder in folders().items()}


def _summary(folder):
    metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    metrics = folder / METRICS
    return {
        "description": metadata["description"],
        "model": metadata["model"],
        "parameters": metadata["parameter_count"],
        "data": metadata["data"],
        "scores": json.loads(metrics.read_text(encoding="utf-8")) if metrics.is_file() else {},
    }


def overview() -> str:
    """Returns a table of the presets, with a line for each; scores are those of test data in nats per example."""
    rows = [("preset", "parameters", "ELBO", "log p(x)", "")]
    for name, row in presets().items():
        scores = (f"{row['scores'][key]:.2f}" if key in row["scores"] else "" for key in ("elbo", "log_likelihood"))
        rows.append((name, f"{row['parameters']:,}", *scores, row["description"]))
    if len(rows) == 1:
        return "This version contains no presets. Load one from a folder or from hf://owner/name."
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
