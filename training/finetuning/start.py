"""The trained model that fine-tuning starts from, and what is known of its training."""

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import zoo
from training import presets, run_folder
from training.config import Config
from training.data import data_of
from training.data.named.downloads import cache_folder
from zoo.model.saving import MODEL, WEIGHTS
from zoo.presets import layout
from zoo.presets.resolving import resolve


@dataclass(frozen=True)
class Start:
    """A trained model.

    Args:
        name: the name or the folder by which it was found.
        checksum: of its model and weights.
        vae: the `zoo.VAE`.
        config: of its training; None if it was not trained by a run.
        scores: its own ones, in a line; "" if it has none.
    """

    name: str
    checksum: str
    vae: zoo.VAE
    config: Config | None
    scores: str

    @classmethod
    def of(cls, name):
        """Loads it.

        Args:
            name: see `zoo.VAE.from_preset`.

        Raises:
            FileNotFoundError, ValueError, ImportError: see `zoo.VAE.from_preset`.
        """
        folder = resolve(name)
        vae = zoo.load(folder)
        is_preset = (folder / layout.METADATA).is_file()
        files = (layout.CONFIG if is_preset else MODEL, WEIGHTS)
        checksum = hashlib.sha256(b"".join((folder / file).read_bytes() for file in files)).hexdigest()[:16]
        config = _config(folder, is_preset)
        scores = _scores(folder / (layout.METRICS if is_preset else run_folder.SCORES))
        return cls(name, checksum, vae, config, scores)

    @property
    def columns(self):
        """Names of the columns of the tables that it was trained on; None if they have none, or it is not known."""
        return None if self.config is None else self.config.columns

    def dataset(self, data_dir=None):
        """Returns the `Dataset` that it was trained on; None if it is not at hand: nothing is downloaded.

        Args:
            data_dir: see `training.data.settings.DataSettings`.
        """
        if self.config is None:
            return None
        folder = data_dir or os.environ.get("ZOO_DATA_DIR") or str(cache_folder())
        try:
            dataset = data_of(there := replace(self.config, data_dir=folder))
            run_folder.check_data(there, dataset)
        except (FileNotFoundError, ValueError, KeyError):
            return None
        return dataset


def _config(folder, is_preset):
    if is_preset:
        return presets.settings_of(folder) if (folder / layout.TRAINING).is_file() else None
    if not (folder / run_folder.CONFIG).is_file():
        return None
    return run_folder.read(folder)[0]


def _scores(path):
    """Returns the scores in a file of a preset or a run in a line, or ""."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        elbo, log_likelihood, data = float(found["elbo"]), float(found["log_likelihood"]), str(found["data"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"its own scores on {Path(data).name}: ELBO {elbo:.2f}, log-likelihood {log_likelihood:.2f} nats per example"
