"""Training from scratch, as the yardstick of a fine-tuning."""

from dataclasses import fields, replace

from training import run_folder
from training.config import Config
from zoo.catalog import CATALOG

LEARNING_RATE = next(field.default for field in fields(Config) if field.name == "learning_rate")


def config(fine_tuned):
    """Returns the config of a training from scratch with the parts, the data and as many epochs as a fine-tuning.

    Its learning rate and the warm-up of its KL are those of an ordinary training.

    Args:
        fine_tuned: the `Config` of the fine-tuning, resolved: its number of epochs is not that of an ordinary training.

    Raises:
        ValueError: the model is none of the catalog, or its networks are not known.
    """
    check(fine_tuned)
    return replace(
        fine_tuned,
        base=None,
        learning_rate=LEARNING_RATE,
        warmup=None,
        generated=0,
        out=str(scratch_folder(fine_tuned)),
    )


def check(fine_tuned):
    """Checks that a model can be trained from scratch in place of a fine-tuned one.

    Args:
        fine_tuned: the `Config` of the fine-tuning.

    Raises:
        ValueError: the model is none of the catalog, or its networks are not known.
    """
    if fine_tuned.network is None or fine_tuned.model not in CATALOG:
        raise ValueError(
            f"--compare-scratch needs a model of the catalog that was trained by a run, and '{fine_tuned.base.model}' "
            f"is '{fine_tuned.model}'. Leave it out."
        )


def scratch_folder(fine_tuned):
    """Returns the folder of the run from scratch that a fine-tuning is compared with, a path.

    Args:
        fine_tuned: the `Config` of the fine-tuning.
    """
    return fine_tuned.folder.with_name(f"{fine_tuned.folder.name}-scratch")


def is_there(fine_tuned, dataset):
    """Returns whether a model was trained from scratch for this comparison: on the same data with the same parts.

    Args:
        fine_tuned: the `Config` of the fine-tuning.
        dataset: its `Dataset`.
    """
    try:
        return run_folder.is_finished(replace(config(fine_tuned), overwrite=False).resolved(dataset))
    except (ValueError, KeyError):
        return False
