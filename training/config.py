"""What one training run is: data, not code."""

import json
import math
import types
import typing
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal

import zoo
from training.data.files.folders import printable
from training.data.settings import DataSettings
from training.loop.devices import Strategy
from zoo.model.scores import MOST as MOST_SAMPLES

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]

PARTS = ("latent", "posterior", "prior", "likelihood", "network", "objective")
FORMAT = "vae-zoo run"  # by which a run's config.json is known from others
# Where things are and how they are done, which is no part of what a run is.
PLACES = ("out", "overwrite", "data_dir", "strategy", "checkpoint_steps", "checkpoint_minutes", "checkpoints_kept")
BATCH = 100
LEAST = {
    "latent": 1,
    "epochs": 1,
    "batch_size": 1,
    "warmup": 0,
    "patience": 0,
    "samples": 1,
    "generated": 0,
    "test_examples": 2,
    "steps_per_execution": 1,
    "checkpoint_steps": 1,
    "checkpoints_kept": 1,
    "seed": 0,
}
# Every epoch is a row of history.csv and of each checkpoint.
MOST = {"epochs": 100_000, "samples": MOST_SAMPLES}


@dataclass(frozen=True)
class Config(DataSettings):
    """Train a variational autoencoder, evaluate it, and draw its report.

    A part is named with its options in brackets: --prior "mixture(components=20)".
    """

    model: str = "tril_vae"
    """A model of the catalogue."""
    out: str | None = None
    """Folder to write to; unset, runs/<model>-<data>, of a path its last name."""
    overwrite: bool = False
    """Start anew where a run is there already."""
    latent: int | None = None
    """Number of latent dimensions; unset, the model's own, as for the parts below."""
    posterior: str | None = None
    """q(z|x)."""
    prior: str | None = None
    """p(z)."""
    likelihood: str | None = None
    """p(x|z); unset, the one that fits the data."""
    network: str | None = None
    """Encoder and decoder, e.g. "gated_mlp(hidden=(300, 300))"."""
    objective: str | None = None
    """What is maximised, e.g. "elbo(free_bits=0.1)"."""
    epochs: int | None = None
    """Passes over the training data; unset, the data set's own."""
    batch_size: int | None = None
    """Examples for a step, of all devices together; unset, 100, or all where there are fewer."""
    learning_rate: float = 1e-3
    """Of Adam."""
    clip_norm: float = 100.0
    """Largest norm of a gradient; a longer one is scaled down to it."""
    warmup: int | None = None
    """Epochs over which the weight of the KL rises from 0 to its full value; unset, a fifth of all."""
    patience: int | None = None
    """Epochs without a better validation loss, counted after the warm-up, until training stops; 0 for never; unset, a
    third of all."""
    samples: int = 1000
    """Draws for the log-likelihood of a test example."""
    test_examples: int | None = None
    """How many test examples to score, chosen by the seed; unset, all."""
    generated: int = 5_000
    """Samples in a set that is compared with held-out examples, at most; 0 to compare none."""
    aggregated: bool = True
    """Save the aggregated posterior with the model; it grows with the training data, and tells of each example."""
    strategy: Strategy = "auto"
    """Devices to train and evaluate on: the workers in TF_CONFIG, else a TPU, else all GPUs, else one device."""
    precision: Precision = "float32"
    """Of the networks' computations; weights, data and densities are float32 in any case."""
    jit: bool = True
    """Compile with XLA, where the devices can."""
    steps_per_execution: int = 10
    """Steps in one call of the compiled function."""
    checkpoint_steps: int = 1_000
    """Steps after which the state of the training is written, from which the same command goes on."""
    checkpoint_minutes: float = 5.0
    """Minutes after which it is, if that is sooner."""
    checkpoints_kept: int = 3
    """How many of the last ones are kept."""
    seed: int = 0
    """Of initial weights, order of the data and all draws."""

    def __post_init__(self):
        super().__post_init__()
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= least):
                raise ValueError(f"Expected {name} to be {least} or more, got {value!r}.")
        for name, most in MOST.items():
            if (getattr(self, name) or 0) > most:
                raise ValueError(f"Expected {name} to be {most:,} or less, got {getattr(self, name)}.")
        for name in ("learning_rate", "clip_norm", "checkpoint_minutes"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"Expected {name} to be over 0 and finite, got {getattr(self, name)}.")
        if self.seed >= 2**31:
            raise ValueError(f"Expected seed to be under 2³¹, got {self.seed}.")

    @property
    def folder(self):
        """Where the run is written."""
        name = f"{self.model}-{printable(Path(self.data).resolve().stem)}"
        return Path(f"runs/{name}" if self.out is None else self.out).expanduser()

    @property
    def overrides(self):
        """The parts that differ from the model's own, for `zoo.build`."""
        return {part: getattr(self, part) for part in PARTS if getattr(self, part) is not None}

    def resolved(self, dataset):
        """The same run with nothing left unset.

        Args:
            dataset: the `Dataset` that it asks for.

        Raises:
            KeyError: no such model.
            ValueError: the warm-up would not end before the training.
        """
        recipe = zoo.recipe(self.model, **self.overrides)
        parts = {part: getattr(recipe, part) for part in PARTS}
        parts["likelihood"] = recipe.likelihood or zoo.data.support.get(dataset.support).likelihood
        epochs = self.epochs or dataset.epochs
        warmup = epochs // 5 if self.warmup is None else self.warmup
        if warmup >= epochs:
            raise ValueError(f"Expected a warm-up of fewer epochs than there are, {epochs}, got {warmup}.")
        examples = min(self.test_examples or len(dataset.test), len(dataset.test))
        batch_size = self.batch_size or min(BATCH, len(dataset.train))
        settings = {
            "epochs": epochs,
            "warmup": warmup,
            "patience": max(1, epochs // 3) if self.patience is None else self.patience,
            "batch_size": batch_size,
            "binarize": dataset.binarize,
            "test_examples": examples,
        }
        settings |= {"support": dataset.values, "data_checksum": dataset.checksum}
        return replace(self, **settings, **parts)

    def to_json(self):
        """The values as JSON text, without the places."""
        values = {name: value for name, value in asdict(self).items() if name not in PLACES}
        return json.dumps({"format": FORMAT} | values, indent=2) + "\n"

    @classmethod
    def from_json(cls, text):
        """The config that `to_json` wrote.

        Raises:
            ValueError: the text is no JSON object, or has a key that no config has.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"Expected a JSON object of settings, got {text.strip()!r:.50}.")
        values.pop("format", None)
        known = [field.name for field in fields(cls)]
        for key, value in values.items():
            if key not in known:
                raise ValueError(f"No setting '{key}'. Known: {', '.join(known)}.")
            _check_type(key, value, typing.get_type_hints(cls)[key])
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"A setting is of a wrong type: {error}.") from error


def _check_type(name, value, hint):
    """Makes sure that a setting from a file is of the type, or one of the words, that the command takes.

    Args:
        name, value: the setting's.
        hint: its annotation.

    Raises:
        ValueError: it is not.
    """
    union = isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
    kinds = typing.get_args(hint) if union else (hint,)
    words = [word for kind in kinds if typing.get_origin(kind) is Literal for word in typing.get_args(kind)]
    plain = [typing.get_origin(kind) or kind for kind in kinds if typing.get_origin(kind) is not Literal]
    also = {float: (int, float), tuple: (list, tuple)}  # what JSON makes of them
    fits = value in words or any(isinstance(value, also.get(kind, kind)) for kind in plain)
    if not fits or (isinstance(value, bool) and bool not in plain):
        expected = [repr(word) for word in words] + ["null" if kind is type(None) else kind.__name__ for kind in plain]
        raise ValueError(f"Expected {name} to be {' or '.join(expected)}, got {value!r}.")
