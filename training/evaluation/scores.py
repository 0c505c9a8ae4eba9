"""The scores of a run, and scores.json."""

import json
from dataclasses import dataclass, field

from training.evaluation.annealed import Annealed
from training.evaluation.covariance import CovarianceSummary
from training.evaluation.estimate import Estimate
from training.evaluation.information import UNAVAILABLE, Information
from training.evaluation.likelihood import Likelihood
from training.evaluation.samples import Comparison
from training.evaluation.typed_json import FLAT, from_json, none_as, to_json
from zoo.commands import atomic


@dataclass(frozen=True)
class TrainingSummary:
    """How a model was trained.

    Args:
        model: its name in the catalog.
        data: the data set's name, or the path of user data.
        epochs: number of epochs, fewer than were asked for after early stopping.
        training_seconds: duration of training.
        devices: what it was trained on, in words.
    """

    model: str
    data: str
    epochs: int
    training_seconds: float
    devices: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The scores of a trained model, each with what it was estimated from.

    Args:
        likelihood: see `training.evaluation.likelihood`.
        information: see `training.evaluation.information`; None if the posterior is a flow.
        posterior: see `training.evaluation.covariance`.
        samples: see `training.evaluation.samples`; None if samples were not compared with held-out examples.
        gain_as_prior: name of a sampler -> see `training.evaluation.information.gains`.
        annealed: see `training.evaluation.annealed`; None unless it was asked for.
        evaluation_seconds: duration of evaluation.
        versions: name -> version of Python and of the libraries that the numbers depend on.
    """

    likelihood: Likelihood = field(metadata=FLAT)
    information: Information | None = field(default=None, metadata=none_as({"unavailable": UNAVAILABLE}))
    posterior: CovarianceSummary
    samples: Comparison | None = field(default=None, metadata=none_as({}))
    gain_as_prior: dict[str, Estimate]
    annealed: Annealed | None = field(default=None, metadata=none_as())
    evaluation_seconds: float
    versions: dict[str, str]


@dataclass(frozen=True)
class RunScores:
    """All of scores.json.

    Args:
        training: how the model was trained.
        evaluation: its scores; None until it is evaluated.
        evaluation_devices: what it was evaluated on, in words.
    """

    training: TrainingSummary
    evaluation: Evaluation | None = None
    evaluation_devices: str | None = None

    def to_json(self):
        """Returns the object of scores.json: the keys of training and evaluation side by side."""
        evaluation = {} if self.evaluation is None else to_json(self.evaluation)
        devices = {} if self.evaluation_devices is None else {"evaluation_devices": self.evaluation_devices}
        return to_json(self.training) | evaluation | devices

    def write(self, path):
        """Writes scores.json atomically.

        Args:
            path: of the file.
        """
        atomic.write(path, json.dumps(self.to_json(), indent=2) + "\n")

    @classmethod
    def read(cls, path):
        """Reads scores.json, of a training alone or with an evaluation.

        Args:
            path: of the file.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is damaged, or of another version of this project.
        """
        training, values = read_training(path)
        try:
            evaluation = from_json(Evaluation, values) if "log_likelihood" in values else None
        except ValueError as error:
            raise damaged(path, error) from error
        return cls(training, evaluation, values.get("evaluation_devices"))


def read_training(path):
    """Reads how a model was trained from scores.json, whatever an evaluation wrote there.

    Args:
        path: of the file.

    Returns:
        A `TrainingSummary`, and all of the file as a dict.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return from_json(TrainingSummary, values), values
    except ValueError as error:
        raise damaged(path, error) from error


def damaged(path, error):
    """Returns the error for a file of a run that cannot be parsed.

    Args:
        path: of the file.
        error: why.
    """
    return ValueError(f"'{path}' is damaged: {str(error).rstrip('.')}.")
