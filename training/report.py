"""The report of a run: one HTML page that needs no other file."""

import base64
import io
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader
from tqdm import tqdm

import zoo
from training import pictures, run
from zoo import moments

TEMPLATE = "report.html.j2"
POSTERIORS, ELLIPSES, SHOWN, COVARIANCES, AXES = 500, 200, 10, 5, 5


def write_report(path, config, dataset, vae, history, scores):
    """Writes the page.

    Args:
        path: the file.
        config: the run's `Config`.
        dataset: the `Dataset` it was trained on.
        vae: the trained `zoo.VAE`.
        history: a dict of lists, a value an epoch.
        scores: see `training.evaluate.evaluate`.
    """
    figures = dict(tqdm(_figures(config, dataset, vae, history), desc="report", total=9, leave=False))
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    page = environment.get_template(TEMPLATE).render(
        config=config,
        scores=scores,
        dataset=dataset,
        description=zoo.describe(vae),
        figures=figures,
        vae=vae,
        estimated=isinstance(vae.encode(np.float32(dataset.test[:1])), moments.MomentsFromDraws) and moments.DRAWS,
    )
    run.write(path, page)


def _figures(config, dataset, vae, history):
    """Pairs of a name and a picture as a data URI."""
    x = np.float32(dataset.test[:POSTERIORS])
    q = vae.encode(x)
    mean, covariance = q.mean().numpy(), q.covariance().numpy()
    order = np.argsort(-mean.var(axis=0))  # the dimensions that say most about x first
    sorted_covariance = covariance[:, order][:, :, order]
    labels = None if dataset.labels is None else dataset.labels[:ELLIPSES]
    steps = np.linspace(-pictures.LIMIT, pictures.LIMIT, 11)

    yield "curves", _embed(pictures.learning_curves(history, config.warmup))
    yield "reconstructions", _embed(pictures.beside(x[:SHOWN], vae.reconstruct(x[:SHOWN]).numpy()))
    yield "samples", _embed(pictures.gallery(_grid(vae.generate(4 * SHOWN, seed=0).numpy(), 4)))
    yield "correlation", _embed(pictures.mean_absolute_correlation(sorted_covariance))
    yield "covariances", _embed(pictures.covariances(x[:COVARIANCES], sorted_covariance[:COVARIANCES]))
    yield "ellipses", _embed(pictures.ellipses(mean[:ELLIPSES], covariance[:ELLIPSES], labels))
    yield "traversed", _embed(pictures.gallery(_grid(np.stack([x[0], vae.reconstruct(x[:1]).numpy()[0]]), 1)))
    for name, spread in {"uncertain": covariance[0], "varying": np.atleast_2d(np.cov(mean.T))}.items():
        points = along_axes(mean[0], spread, steps)
        points = onto_simplex(points) if vae.posterior.space == "simplex" else points
        decoded = vae.decode(points).mean().numpy()
        yield name, _embed(pictures.traversal(decoded, steps))


def along_axes(mean, covariance, steps):
    """Points along the leading eigenvectors of a covariance matrix.

    Args:
        mean: [L].
        covariance: [L, L].
        steps: [S], in standard deviations along the axis.

    Returns:
        [axes, S, L], at most `AXES` axes, the longest first.
    """
    values, vectors = np.linalg.eigh(covariance)
    axes = (np.sqrt(np.maximum(values, 0)) * vectors).T[::-1][:AXES]  # [axes, L]
    return mean + steps[None, :, None] * axes[:, None, :]


def onto_simplex(z):
    """Points [..., L] with what is under zero cut off, and a sum of one."""
    z = np.maximum(z, 0)
    return z / z.sum(axis=-1, keepdims=True)


def _grid(x, rows):
    return x.reshape(rows, -1, *x.shape[1:])


def _embed(figure):
    content = io.BytesIO()
    figure.savefig(content, dpi=130, format="png", bbox_inches="tight")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
