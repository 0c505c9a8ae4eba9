"""The account of a fine-tuning: what it gained on the new data, what it forgot of the old, and what scratch would give.

All models are scored on the same examples with the same seeds, and differences are means over examples of paired
scores: their errors are smaller than those of the scores.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import zoo
from training import run_folder
from training.evaluation.estimate import Estimate
from training.evaluation.evaluation import choose
from training.evaluation.typed_json import FLAT, from_json, none_as, to_json
from training.finetuning import scratch
from training.finetuning.start import Start
from zoo.commands import atomic

FILE = "finetuning.json"


@dataclass(frozen=True)
class Scored:
    """Scores of a model on test examples, in nats per example.

    Args:
        elbo: mean over the examples.
        log_likelihood: by importance sampling.
    """

    elbo: Estimate = field(metadata=FLAT)
    log_likelihood: Estimate = field(metadata=FLAT)

    @classmethod
    def of(cls, scores):
        """Returns the means of `zoo.model.scores.Scores`."""
        return cls(Estimate.mean(scores.elbo), Estimate.mean(scores.log_likelihood))

    @classmethod
    def difference(cls, scores, others):
        """Returns the means of paired differences of two `zoo.model.scores.Scores`."""
        return cls(
            Estimate.mean(scores.elbo - others.elbo), Estimate.mean(scores.log_likelihood - others.log_likelihood)
        )


@dataclass(frozen=True)
class Account:
    """What a fine-tuning changed.

    Args:
        base: name of the model that it started from.
        data: name of the new data.
        examples: number of their test examples.
        importance_samples: K, of each log-likelihood.
        after: scores of the fine-tuned model on the new data.
        before: scores of the untouched model on the new data; None if it takes other shapes or another support.
        gain: after − before.
        old_data: name of the data that the model was trained on before; None if they are not at hand or of no use.
        old_before: scores of the untouched model on the test examples of the old data.
        old_after: scores of the fine-tuned model on them.
        forgotten: old_before − old_after.
        scratch: scores of a new model that was trained on the new data alone for as many epochs; None if there is none.
        gain_over_scratch: after − scratch.
    """

    base: str
    data: str
    examples: int
    importance_samples: int
    after: Scored
    before: Scored | None = field(default=None, metadata=none_as())
    gain: Scored | None = field(default=None, metadata=none_as())
    old_data: str | None = field(default=None, metadata=none_as())
    old_before: Scored | None = field(default=None, metadata=none_as())
    old_after: Scored | None = field(default=None, metadata=none_as())
    forgotten: Scored | None = field(default=None, metadata=none_as())
    scratch: Scored | None = field(default=None, metadata=none_as())
    gain_over_scratch: Scored | None = field(default=None, metadata=none_as())

    def write(self, folder):
        """Writes finetuning.json atomically.

        Args:
            folder: of the run.
        """
        atomic.write(folder / FILE, json.dumps(to_json(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder):
        """Reads finetuning.json; returns None if there is none that can be read.

        Args:
            folder: of the run.
        """
        try:
            return from_json(cls, json.loads((Path(folder) / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None

    def rows(self):
        """Returns the account as rows of a table: what, the model, ELBO and log-likelihood."""
        found = [
            (f"on {self.data}", "before", self.before),
            (f"on {self.data}", "fine-tuned", self.after),
            (f"on {self.data}", "gained", self.gain),
            (f"on {self.data}", "from scratch", self.scratch),
            (f"on {self.data}", "gained over scratch", self.gain_over_scratch),
            (f"on {self.old_data}", "before", self.old_before),
            (f"on {self.old_data}", "fine-tuned", self.old_after),
            (f"on {self.old_data}", "forgotten", self.forgotten),
        ]
        return [(where, what, str(s.elbo), str(s.log_likelihood)) for where, what, s in found if s is not None]

    def __str__(self):
        rows = [("", "", "ELBO", "log-likelihood"), *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        title = f"nats per example, {self.importance_samples} importance samples, {self.examples:,} test examples"
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([title, *(f"  {line}".rstrip() for line in lines)])


@dataclass(frozen=True)
class Comparison:
    """A fine-tuned model beside others.

    Args:
        account: the scores.
        base: the untouched `zoo.VAE`, if it takes the new data; else None.
        scratch: history of the training from scratch, a dict of lists; None if there is none.
    """

    account: Account
    base: zoo.VAE | None
    scratch: dict[str, list[float]] | None


def compare(config, vae, dataset):
    """Scores a fine-tuned model beside the one that it started from, and beside one from scratch if there is one.

    Args:
        config: the run's `Config`, with a `Base`.
        vae: the fine-tuned `zoo.VAE`.
        dataset: its `Dataset`.

    Returns:
        A `Comparison`.
    """
    start = _start(config)
    if start is None and (kept := Account.read(config.folder)) is not None:
        print(f"'{config.base.model}' is not there any more, or another model: the account of before is kept")
        return Comparison(kept, None, None)
    test = choose(config.seed, dataset.test, config.test_examples or len(dataset.test))

    def scored(model):
        return model.score(test, config.samples, config.seed, progress=True)

    base = start.vae if start is not None and _takes(start.vae, vae) else None
    after, history = scored(vae), None
    found = Account(Path(config.base.model).name, dataset.name, len(test), config.samples, Scored.of(after))
    if base is not None:
        before = scored(base)
        found = replace(found, before=Scored.of(before), gain=Scored.difference(after, before))
        found = _with_old(found, start, vae, config)
    if scratch.is_there(config, dataset):
        history = run_folder.read(scratch.scratch_folder(config))[2]
        scores = scored(zoo.load(scratch.scratch_folder(config)))
        found = replace(found, scratch=Scored.of(scores), gain_over_scratch=Scored.difference(after, scores))
    return Comparison(found, base, history)


def is_compared(folder):
    """Returns whether the account of a run has the scores of a training from scratch.

    Args:
        folder: of the run.
    """
    found = Account.read(folder)
    return found is not None and found.scratch is not None


def _start(config):
    """Returns the model that a run started from; None if it is not there any more, or another one."""
    try:
        start = Start.of(config.base.model)
    except (OSError, ValueError, KeyError, ImportError):
        return None
    return start if start.checksum == config.base.checksum else None


def _takes(old, new):
    return (old.event_shape, old.support) == (new.event_shape, new.support)


def _with_old(found, start, vae, config):
    old = start.dataset(config.data_dir)
    if old is None or old.name == found.data:
        return found
    test = choose(config.seed, old.test, found.examples)
    before, after = (model.score(test, config.samples, config.seed, progress=True) for model in (start.vae, vae))
    return replace(
        found,
        old_data=old.name,
        old_before=Scored.of(before),
        old_after=Scored.of(after),
        forgotten=Scored.difference(before, after),
    )
