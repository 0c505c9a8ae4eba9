"""Recipes: the settings of a training, and the figure that was published for such a model."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from training.config import Config
from training.evaluation.estimate import Estimate


@dataclass(frozen=True)
class Published:
    """A published log-likelihood.

    Args:
        log_likelihood: in nats per example.
        source: the paper or the repository, and how the number was computed.
        note: how the recipe differs from the source's; "" if it does not.
    """

    log_likelihood: float
    source: str
    note: str = ""

    def compare(self, log_likelihood):
        """Returns in words how a measured log-likelihood compares.

        Args:
            log_likelihood: an `Estimate` in nats per example.
        """
        measured = Estimate(-log_likelihood.value, log_likelihood.standard_error)
        gain = log_likelihood.value - self.log_likelihood
        verdict = f"beaten by {gain:.2f}" if gain > 0 else f"missed by {-gain:.2f}"
        return (
            f"negative log-likelihood {measured} nats per example, published {-self.log_likelihood:.2f}: "
            f"{verdict} ({self.source})"
        )


@dataclass(frozen=True)
class TrainingRecipe:
    """How to train a model.

    Args:
        name: of the run and of the preset, <model>-<data>.
        settings: of the run, as `training.config.Config` takes them; unset ones have their usual values.
        published: the figure to compare with; None if there is none.
    """

    name: str
    settings: dict = field(default_factory=dict)
    published: Published | None = None

    @classmethod
    def read(cls, path):
        """Reads a recipe, a JSON object of `settings` and perhaps `published`.

        Args:
            path: of the file; its name without the suffix is the recipe's.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no recipe.
        """
        path = Path(path).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"No recipe '{path}'. The recipes are in the folder recipes.")
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            published = values.get("published")
            recipe = cls(path.stem, values["settings"], Published(**published) if published else None)
            recipe.config()
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"'{path}' is no recipe: expected settings and perhaps published ({error}).") from error
        except ValueError as error:
            raise ValueError(f"'{path}' is no recipe: {error}") from error
        return recipe

    def config(self, **places):
        """Returns the config of a run of this recipe.

        Args:
            **places: settings that replace the recipe's, such as `out`; None leaves the recipe's.

        Raises:
            ValueError: a setting is unknown, or has a wrong type or value.
        """
        config = Config.from_json(json.dumps(self.settings))
        return replace(config, **{name: value for name, value in places.items() if value is not None})
