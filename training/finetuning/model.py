"""The model that is fine-tuned, as it is before the first step."""

import zoo
from training import run_folder
from training.evaluation.estimate import Estimate
from training.evaluation.evaluation import choose
from training.finetuning.start import Start
from zoo.data import support as supports

BASELINE_EXAMPLES, BASELINE_SAMPLES = 500, 100  # for the scores before the first step


def build(config, dataset):
    """Builds the model of a fine-tuning: the trained one with its new parts, units and prior, frozen as asked for.

    Args:
        config: the run's `Config`, with a `Base`.
        dataset: its `Dataset`.

    Returns:
        A `zoo.VAE`, and sentences on what was changed.

    Raises:
        ValueError, KeyError: the model has changed since the run was begun, or its parts do not allow it.
    """
    base, start = config.base, Start.of(config.base.model)
    if start.checksum != base.checksum:
        raise ValueError(
            f"The model in '{base.model}' is another one than when this run was begun. Put it back, or start again "
            f"with --overwrite."
        )
    parts = dict(base.replaced or {})
    if dataset.event_shape != start.vae.event_shape:
        parts["event_shape"] = dataset.event_shape
    if dataset.support != start.vae.support:
        _check_likelihood(dataset, start.vae, parts)
        parts["support"] = dataset.support
    vae = zoo.VAE.from_preset(base.model, **parts)
    vae.seed = config.seed
    sentences = [*_rows_in_place_of_images(start.vae, dataset), *_adapt(vae, start.vae, dataset, config)]
    if base.refresh_prior:
        sentences.append(vae.refresh_prior(dataset.seen(config.seed)))
    _freeze(vae, base)
    if not (config.folder / run_folder.CONFIG).is_file():  # a run that is resumed has said it
        sentences += baselines({"untouched": start.vae, "before the first step": vae}, dataset, config)
    return vae, [sentence for sentence in sentences if sentence]


def baselines(models, dataset, config):
    """Yields what models give on the new test data, a line for each that takes them.

    Args:
        models: name → `zoo.VAE`.
        dataset: the `Dataset`.
        config: the run's `Config`.
    """
    test = choose(config.seed, dataset.test, min(BASELINE_EXAMPLES, config.test_examples))
    for name, vae in models.items():
        if (vae.event_shape, vae.support) == (dataset.event_shape, dataset.support):
            scores = vae.score(test, BASELINE_SAMPLES, config.seed)
            elbo, log_likelihood = Estimate.mean(scores.elbo), Estimate.mean(scores.log_likelihood)
            yield (
                f"{name}, on the new data: ELBO {elbo}, log-likelihood {log_likelihood} nats per example "
                f"({len(test)} test examples, {BASELINE_SAMPLES} importance samples)"
            )


def _check_likelihood(dataset, vae, parts):
    """Checks that another likelihood was asked for, where the data have another support than the model's."""
    if "likelihood" not in parts:
        values = {name: supports.get(name).description for name in (vae.support, dataset.support)}
        raise ValueError(
            f"The model's data are {vae.support}, {values[vae.support]}, and these are {dataset.support}, "
            f"{values[dataset.support]}. Name another likelihood, such as --likelihood "
            f"{supports.get(dataset.support).likelihood}, or convert the data, for gray levels by --binarize."
        )


def _rows_in_place_of_images(old, dataset):
    """Yields how rows of numbers can be read as images, if the model was one of images."""
    if len(dataset.event_shape) == 1 < len(old.event_shape):
        yield (
            f"the examples are rows of {dataset.event_shape[0]} numbers, and those of the model have shape "
            f"{[*old.event_shape]}: --image-size reads rows as images"
        )


def _adapt(vae, old, dataset, config):
    """Yields what was done to the parts that depend on the data: units, and the number of examples."""
    vae.objective.adapt(dataset.train)
    if not supports.get(vae.support).has_units:
        return
    if old.support != vae.support:
        vae.likelihood.adapt(dataset.train)
        yield "units: mean and scale of the new training data; the earlier ones had none"
        return
    if config.base.keep_units:
        yield "units: mean and scale of the earlier training data, kept"
        return
    before = [weight.numpy() for weight in vae.likelihood.non_trainable_variables]
    vae.likelihood.adapt(dataset.train)
    filled = [(dataset.columns or ()).index(name) for name in config.filled or {}]
    for weight, old in zip(vae.likelihood.non_trainable_variables, before, strict=True):
        if filled and weight.shape == vae.event_shape:  # a column of one value has no scale
            new = weight.numpy()
            new[filled] = old[filled]
            weight.assign(new)
    yield "units: mean and scale of the new training data (--keep-units keeps the earlier ones)"


def _freeze(vae, base):
    """Freezes the parts that are not trained, or adds LoRA.

    Raises:
        ValueError: nothing that has weights would be trained.
    """
    if base.lora_rank is not None:
        vae.enable_lora(rank=base.lora_rank)
        return
    having = [role for role in vae.PARTS if getattr(vae, role).trainable_variables]
    frozen = [role for role in having if role not in base.trained]
    if frozen == having:
        raise ValueError(f"--train {base.train} would train nothing: this model's weights are in {', '.join(having)}.")
    _check_not_new(vae, frozen, base.train, base.replaced or {})
    if frozen:
        vae.freeze(*frozen)


def _check_not_new(vae, frozen, train, replaced):
    """Checks that no part is frozen that has new weights, or is another one than the model had."""
    for role in frozen:
        if role in replaced or "new" in str(vae.origin.weights.get(role, "")):
            raise ValueError(
                f"--train {train} would leave the {role} as it is initialized, because it is new. Train it too: "
                f"--train all."
            )
