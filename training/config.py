"""What one training run is: data, not code."""

import json
import math
import types
import typing
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

import zoo
from training.data.files.folders import printable
from training.data.settings import DataSettings
from training.finetuning.base import Base
from training.schedules import keras_config
from zoo.checks import MAX_SAMPLES, check_int

Strategy = Literal["auto", "one_device", "mirrored", "multi_worker", "tpu"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]

PARTS = ("latent", "posterior", "prior", "likelihood", "network", "objective")
FORMAT = "vae-zoo run"  # tells a run's config.json from other files
# Where a run is and how it is computed: it is the same run if these differ.
PLACES = ("out", "overwrite", "data_dir", "strategy", "checkpoint_steps", "checkpoint_minutes", "checkpoints_kept")
DEFAULT_BATCH = 100
FINETUNING_STEPS, FINETUNING_EPOCHS, FINETUNING_BATCH = 3_000, (10, 300), 16
MINIMUMS = {
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
# Each epoch is a row of history.csv and of each checkpoint.
MAXIMUMS = {"epochs": 100_000, "samples": MAX_SAMPLES}


@dataclass(frozen=True)
class Config(DataSettings):
    """Train a variational autoencoder, evaluate it, and draw its report.

    Write a part with its options in brackets: --prior "mixture(components=20)".
    """

    model: str = "tril_vae"
    """Model to train; `python -m zoo` lists them."""
    out: str | None = None
    """Folder to write the run to; unset, runs/<model>-<data>."""
    overwrite: bool = False
    """Start again from scratch if the folder already contains a run."""
    latent: int | None = None
    """Number of latent dimensions; unset, the model's own, as for the parts below."""
    posterior: str | None = None
    """Posterior q(z|x), such as "mixture(components=3)"."""
    prior: str | None = None
    """Prior p(z), such as "vamp(components=500)"."""
    likelihood: str | None = None
    """Likelihood p(x|z), such as "low_rank_normal(rank=4)"; unset, the default for the data's support."""
    network: str | None = None
    """Network architecture of encoder and decoder, such as "gated_mlp(hidden=(300, 300))"."""
    objective: str | None = None
    """Objective to maximize, such as "elbo(free_bits=0.1)"."""
    epochs: int | None = None
    """Number of passes over the training data; unset, the data set's own."""
    batch_size: int | None = None
    """Number of examples in a training step, over all devices; unset, 100, or all if there are fewer; in fine-tuning, a
    tenth of the examples, from 16 to 100."""
    learning_rate: float = 1e-3
    """Adam's learning rate; with a schedule, its largest value."""
    lr_schedule: str = "constant"
    """Learning-rate schedule over all epochs: constant, "cosine(warmup=5, final=0.0)", "exponential(final=0.01)",
    "steps(at=(60, 80), factor=0.1)" or burda; warmup and at in epochs, final as a fraction of --learning-rate."""
    ema: float = 0.0
    """Momentum per step of an exponential moving average of the weights, such as 0.999; the average is what is
    validated, saved and evaluated; 0 for none."""
    clip_norm: float = 100.0
    """Clip gradients to this global norm."""
    warmup: int | None = None
    """Number of epochs over which the KL weight rises to its full value; unset, a fifth of all epochs."""
    patience: int | None = None
    """Stop early after this many epochs without a lower validation loss, counted after the warm-up; 0 for no early
    stopping; unset, a third of all epochs."""
    samples: int = 1000
    """Importance samples per test example for the log-likelihood."""
    test_examples: int | None = None
    """Number of test examples to score, a random choice by the seed; unset, all."""
    generated: int = 5_000
    """Maximum number of generated samples to compare with held-out examples; 0 skips the comparison."""
    aggregated: bool = True
    """Save the aggregated posterior with the model; it grows with the training data, and reveals something of each
    example."""
    strategy: Strategy = "auto"
    """Devices to train and evaluate on: auto is the workers in TF_CONFIG, else a TPU, else all GPUs, else one."""
    precision: Precision = "float32"
    """Keras dtype policy of the networks; weights, data and densities are always float32."""
    jit: bool = True
    """Compile training steps with XLA, where that makes them faster: not convolutions on a CPU."""
    steps_per_execution: int = 10
    """Number of training steps in one call of the compiled function."""
    checkpoint_steps: int = 1_000
    """Save a checkpoint every this many steps; the same command resumes from the last one."""
    checkpoint_minutes: float = 5.0
    """Save a checkpoint every this many minutes, if that comes first."""
    checkpoints_kept: int = 3
    """Number of checkpoints to keep while training."""
    seed: int = 0
    """Random seed for initialization, shuffling and sampling."""
    base: Annotated[Base | None, tyro.conf.Suppress] = None
    """What a fine-tuned model starts from; None for training from scratch."""

    def __post_init__(self):
        super().__post_init__()
        for name, minimum in MINIMUMS.items():
            if getattr(self, name) is not None:
                check_int(getattr(self, name), flag(name), minimum, MAXIMUMS[name] + 1 if name in MAXIMUMS else None)
        for name in ("learning_rate", "clip_norm", "checkpoint_minutes"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"Expected {flag(name)} to be over 0 and finite, got {getattr(self, name)}.")
        if not 0 <= self.ema < 1:
            raise ValueError(f"Expected --ema to be 0 or more and less than 1, such as 0.999, got {self.ema}.")
        keras_config(self.lr_schedule, self.learning_rate, self.epochs or MAXIMUMS["epochs"])  # refuses a wrong one

    @property
    def folder(self):
        """The folder that the run is written to, a path."""
        name = f"{self.model}-{printable(Path(self.data).resolve().stem)}"
        return Path(f"runs/{name}" if self.out is None else self.out).expanduser()

    @property
    def overrides(self):
        """The parts that replace the model's own, as arguments of `zoo.build`."""
        return {part: getattr(self, part) for part in PARTS if getattr(self, part) is not None}

    def resolved(self, dataset):
        """Returns the same config with nothing left unset.

        Args:
            dataset: the `Dataset` of the run.

        Raises:
            KeyError: no such model.
            ValueError: the warm-up would not end before the training.
        """
        parts = self._parts(dataset.support)
        batch_size = self.batch_size or self._usual_batch(len(dataset.train))
        epochs, warmed = dataset.epochs, 5
        if self.base is not None:
            epochs, warmed = _finetuning_epochs(dataset.steps(batch_size)), 10
        epochs = self.epochs or epochs
        warmup = epochs // warmed if self.warmup is None else self.warmup
        if warmup >= epochs:
            raise ValueError(f"Expected --warmup to be less than the {epochs} epochs, got {warmup}.")
        examples = min(self.test_examples or len(dataset.test), len(dataset.test))
        settings = {
            "epochs": epochs,
            "warmup": warmup,
            "patience": max(1, epochs // 3) if self.patience is None else self.patience,
            "batch_size": batch_size,
            "binarize": dataset.binarize,
            "test_examples": examples,
        }
        settings |= {"support": dataset.values, "data_checksum": dataset.checksum, "columns": dataset.columns}
        return replace(self, **settings, **parts)

    def _usual_batch(self, examples):
        """Returns the batch size if none is set: in fine-tuning, few examples still give ten steps an epoch."""
        usual = DEFAULT_BATCH if self.base is None else min(DEFAULT_BATCH, max(FINETUNING_BATCH, examples // 10))
        return min(usual, examples)

    def _parts(self, support):
        """Returns the specs of all parts by role: a fine-tuned model has named its own already."""
        if self.base is not None:
            return {}
        recipe = zoo.recipe(self.model, **self.overrides)
        parts = {part: getattr(recipe, part) for part in PARTS}
        return parts | {"likelihood": recipe.likelihood or zoo.data.support.get(support).likelihood}

    def to_json(self):
        """Returns the settings that define the run as JSON text."""
        values = {name: value for name, value in asdict(self).items() if name not in PLACES}
        base = values.pop("base")
        origin = {} if base is None else {"from": base}
        return json.dumps({"format": FORMAT} | origin | values, indent=2) + "\n"

    @classmethod
    def from_json(cls, text):
        """Returns the config that `to_json` wrote.

        Args:
            text: JSON.

        Raises:
            ValueError: the text is not a JSON object, has an unknown key, or a value of a wrong type.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"Expected a JSON object of settings, got {text.strip()!r:.50}.")
        values.pop("format", None)
        base = Base.from_json(values.pop("from")) if "from" in values else None
        known = ["from" if field.name == "base" else field.name for field in fields(cls)]
        for key, value in values.items():
            if key not in known:
                raise ValueError(f"No setting '{key}'. Known: {', '.join(known)}.")
            _check_type(key, value, typing.get_type_hints(cls)[key])
        return cls(**values, base=base)


def _finetuning_epochs(steps):
    """Returns the usual number of epochs of a fine-tuning: as many as take about 3,000 steps, within limits.

    Args:
        steps: in an epoch.
    """
    return min(max(FINETUNING_STEPS // steps, FINETUNING_EPOCHS[0]), FINETUNING_EPOCHS[1])


def flag(name):
    """Returns the flag of a setting, such as --batch-size."""
    return f"--{name.replace('_', '-')}"


def _check_type(name, value, hint):
    """Checks that a setting from a file is of the type, or one of the words, that the command takes.

    Args:
        name: the setting's name.
        value: its value.
        hint: its annotation.

    Raises:
        ValueError: it is not.
    """
    words, kinds = _allowed(hint)
    also = {float: (int, float), tuple: (list, tuple)}  # as JSON has them
    fits = value in words or any(isinstance(value, also.get(kind, kind)) for kind in kinds)
    if not fits or (isinstance(value, bool) and bool not in kinds):
        expected = [repr(word) for word in words] + ["null" if kind is type(None) else kind.__name__ for kind in kinds]
        raise ValueError(f"Expected {name} to be {' or '.join(expected)}, got {value!r}.")


def _allowed(hint):
    """Returns the words and the types that an annotation allows."""
    union = isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
    members = typing.get_args(hint) if union else (hint,)
    literals = [member for member in members if typing.get_origin(member) is Literal]
    words = [word for literal in literals for word in typing.get_args(literal)]
    return words, [typing.get_origin(member) or member for member in members if member not in literals]
