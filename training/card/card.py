"""The model card of a preset, from its JSON files alone."""

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATE = "card.md.j2"
# Key in metrics.json, type on Hugging Face, name in words; nll is the negative of its key.
METRICS = (
    ("log_likelihood", "nll", "negative log-likelihood, nats per example, by importance sampling"),
    ("elbo", "elbo", "evidence lower bound, nats per example"),
    ("kl", "kl", "mean KL(q(z|x) ‖ p(z)), nats per example"),
)
SAMPLERS = {
    "prior": "the prior",
    "aggregated": "the aggregated posterior",
    "compressed": "the compressed aggregated posterior",
    "gmm": "a Gaussian mixture that was fitted to codes",
}
ROWS = (
    ("log_likelihood", "log p(x), estimated by importance sampling"),
    ("elbo", "ELBO"),
    ("reconstruction", "−E log p(x\\|z)"),
    ("kl", "mean KL(q(z\\|x) ‖ p(z))"),
)


def card(name, metadata, training, metrics, pictures=(), base_model=None):
    """Returns the text of a model card. Every number in it is one of these files'.

    Args:
        name: of the preset.
        metadata: object of metadata.json.
        training: object of training.json: `command` and `settings`.
        metrics: object of metrics.json: that of scores.json and, if a figure was published for such a model,
            `published`: {"log_likelihood": float, "source": str}.
        pictures: pairs of a file's name in the folder assets, and a caption.
        base_model: name of the preset that it was fine-tuned from; None for none.
    """
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["yaml"] = lambda value: json.dumps(value, ensure_ascii=False)  # JSON is YAML
    environment.filters["line"] = lambda value: " ".join(str(value).split())
    settings = training["settings"]
    return environment.get_template(TEMPLATE).render(
        name=name,
        metadata=metadata,
        command=training["command"],
        settings=settings,
        metrics=metrics,
        results=list(results(metrics)),
        rows=[(title, estimate(metrics, key)) for key, title in ROWS if key in metrics],
        samplers=[(SAMPLERS.get(name, name), *measures) for name, *measures in samplers(metrics)],
        pictures=pictures,
        base_model=base_model,
        tags=tags(settings),
    )


def tags(settings):
    """Returns the tags of a model: the field's names, and the parts that it is made of.

    Args:
        settings: of the training.
    """
    parts = (settings[part].split("(")[0] for part in ("posterior", "prior", "network"))
    return ["variational-autoencoder", "tensorflow-probability", "keras", *dict.fromkeys(parts)]


def results(metrics):
    """Yields the results of the front matter, each a dict of type, name, value and args.

    Args:
        metrics: object of metrics.json.
    """
    for key, kind, title in METRICS:
        if key in metrics:
            args = {"standard_error": metrics[f"{key}_standard_error"], "examples": metrics["examples"]}
            if kind == "nll":
                args["importance_samples"] = metrics["importance_samples"]
            yield {"type": kind, "name": title, "value": -metrics[key] if kind == "nll" else metrics[key], "args": args}
    if "active" in (metrics.get("information") or {}):
        title = "active latent dimensions"
        yield {"type": "active_units", "name": title, "value": metrics["information"]["active"], "args": {}}
    for sampler, distance, _, _ in samplers(metrics):
        source = SAMPLERS.get(sampler, sampler)
        title = f"Fréchet distance of samples of {source}, in features of a classifier of these data"
        yield {"type": "frechet_distance", "name": title, "value": distance["value"], "args": {"sampler": sampler}}


def samplers(metrics):
    """Returns name, Fréchet distance, precision and recall of each sampler that was compared with held-out data.

    Args:
        metrics: object of metrics.json.
    """
    qualities = (metrics.get("samples") or {}).get("qualities", {})
    names = [name for name in qualities if name not in ("training data", "reconstructions")]
    return [
        (name, *(qualities[name][measure] for measure in ("frechet_distance", "precision", "recall")))
        for name in names
        if "frechet_distance" in qualities[name]
    ]


def estimate(metrics, key):
    """Returns a score with its standard error, in words.

    Args:
        metrics: object of metrics.json.
        key: of the score.
    """
    return f"{metrics[key]:.2f} ± {metrics[f'{key}_standard_error']:.2f}".replace("-", "−")
