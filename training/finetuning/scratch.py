"""Training from scratch, as the yardstick of a fine-tuning."""

from dataclasses import fields, replace

from training.config import Config
from training.finetuning.account import scratch_folder
from zoo.catalog import CATALOG

LEARNING_RATE = next(field.default for field in fields(Config) if field.name == "learning_rate")


def config(fine_tuned):
    """Returns the config of a training from scratch with the parts, the data and as many epochs as a fine-tuning.

    Its learning rate and the warm-up of its KL are those of an ordinary training.

    Args:
        fine_tuned: the `Config` of the fine-tuning.

    Raises:
        ValueError: the model is none of the catalog, or its networks are not known.
    """
    from training.finetuning.start import Start

    start = Start.of(fine_tuned.base.model)
    if start.config is None or fine_tuned.model not in CATALOG:
        raise ValueError(
            f"--compare-scratch needs a model of the catalog that was trained by a run, and '{fine_tuned.base.model}' "
            f"is '{fine_tuned.model}'. Leave it out."
        )
    return replace(
        fine_tuned,
        base=None,
        network=start.config.network,
        learning_rate=LEARNING_RATE,
        warmup=None,
        generated=0,
        out=str(scratch_folder(fine_tuned)),
    )
