"""The trained model that fine-tuning starts from, and what is known of its training."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import zoo
from training import presets, run_folder
from training.config import Config
from training.data import data_of
from training.data.files.folders import printable
from training.data.named.downloads import cache_folder
from training.evaluation.scores import RunScores
from zoo.presets import layout
from zoo.presets.layout import WEIGHTS
from zoo.presets.loading import build, read
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
        contents = read(resolve(name))
        is_preset = contents.metadata is not None
        files = (contents.config_name, WEIGHTS)
        checksum = hashlib.sha256(b"".join((contents.folder / file).read_bytes() for file in files)).hexdigest()[:16]
        config = _config_of_preset(contents) if is_preset else _config_of_run(contents.folder)
        scores = _scores_of_preset(contents) if is_preset else _scores_of_run(contents.folder)
        return cls(name, checksum, build(contents), config, scores)

    @property
    def columns(self):
        """Names of the columns of the tables that it was trained on; None if they have none, or it is not known."""
        if len(self.vae.event_shape) != 1 or self.config is None:
            return None
        if self.config.columns is None and (dataset := self.dataset()) is not None:
            return dataset.columns  # of a run of an earlier version
        return self.config.columns

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


def _config_of_preset(contents):
    return presets.settings_of(contents) if layout.TRAINING in contents.further else None


def _config_of_run(folder):
    return run_folder.read(folder)[0] if (folder / run_folder.CONFIG).is_file() else None


def _scores_of_preset(contents):
    return _in_a_line(contents.parsed(layout.METRICS)) if layout.METRICS in contents.further else ""


def _scores_of_run(folder):
    path = folder / run_folder.SCORES
    return _in_a_line(RunScores.read(path).to_json()) if path.is_file() else ""


def _in_a_line(metrics):
    """Returns the scores of a preset or a run in a line; "" if it has none."""
    try:
        elbo, log_likelihood = float(metrics["elbo"]), float(metrics["log_likelihood"])
    except (KeyError, TypeError, ValueError):
        return ""
    data = printable(Path(str(metrics.get("data", "its data"))).name)
    return f"its own scores on {data}: ELBO {elbo:.2f}, log-likelihood {log_likelihood:.2f} nats per example"
