"""The report of a run: one HTML page that needs no other file."""

import base64
import io
import itertools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader
from tqdm import tqdm

import zoo
from training.evaluation.estimate import Estimate
from training.evaluation.information import ACTIVE
from training.evaluation.sample_quality import scale_of
from training.evaluation.samples import LEAST, nearest
from training.report import gallery, latent_pictures, pictures, table_pictures
from training.report.gallery import Scale, varying
from zoo.distributions import moments

TEMPLATE = "page.html.j2"
POSTERIORS, ELLIPSES, SHOWN, COVARIANCES, AXES = 500, 200, 10, 5, 5
SEED = 0  # of which examples are shown
LIMIT = 2.5  # walks go this many standard deviations to either side
SAMPLES, POINTS = 24, 50_000  # samples of each sampler, and draws for densities of z
WEIGHED = 20  # examples whose draws are weighed
DRAWN, FEWEST, NUMBERS = 5_000, 200, 20_000_000  # examples or samples that pictures rest on, and numbers in all


def report(config, dataset, vae, history, scores):
    """The page, as text.

    Args:
        config: the run's `Config`.
        dataset: the `Dataset` it was trained on.
        vae: the trained `zoo.VAE`.
        history: a dict of lists, a value an epoch.
        scores: see `training.evaluation.evaluation.evaluate`.
    """
    test, train = _shown(dataset), dataset.seen(0)
    scale = Scale.of(train[some(len(train), within(train.shape))])
    made = itertools.chain(
        _figures(config, *test, vae, history, scale),
        _latent_figures(train, dataset.support, test.x, vae, scores, scale),
        _table_figures(train, dataset.columns, test.x, vae) if train.ndim == 2 else (),
    )
    figures = dict(tqdm(made, desc="report", total=16, leave=False))
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return environment.get_template(TEMPLATE).render(
        config=config,
        scores=scores,
        dataset=dataset,
        description=zoo.describe(vae),
        uncompared=_uncompared(dataset),
        figures=figures,
        table=_table(test.x) if train.ndim == 2 else None,
        vae=vae,
        estimated=isinstance(vae.encode(test.x[:1]), moments.MomentsFromDraws) and moments.DRAWS,
    )


def _uncompared(dataset):
    """Why samples are not compared with held-out data, where they are not."""
    held_out = len(dataset.validation) + len(dataset.test)
    if min(held_out, len(dataset.train)) >= LEAST:
        return "none were asked for (--generated 0)"
    return (
        f"that takes {LEAST} training examples and as many held-out ones, and there are {len(dataset.train):,} and "
        f"{held_out:,}"
    )


class Shown(NamedTuple):
    """Test examples x [n, *x] in random order, and their labels [n] or None."""

    x: np.ndarray
    labels: np.ndarray | None


def _shown(dataset):
    index = some(len(dataset.test), POSTERIORS)
    return Shown(np.float32(dataset.test[index]), None if dataset.labels is None else dataset.labels[index])


def some(n, most):
    """Returns which of n examples to show, in random order, as files may have them sorted by class.

    They are the same ones in all reports, so that models of the same data can be compared by eye.

    Args:
        n: how many there are.
        most: how many to show, at most.
    """
    return np.random.default_rng(SEED).permutation(n)[:most]


def _table(x):
    """Returns what captions say of test examples of a table [n, D]."""
    columns, most = x.shape[1], table_pictures.COLUMNS
    which = f"The {most} columns of {columns:,} that vary most" if columns > most else "Columns"
    return {
        "columns": columns,
        "examples": len(x),
        "which": which,
        "bars": gallery.BARS,
    }


def within(shape):
    """Returns how many examples [N, *x] pictures rest on: as many as give enough numbers, whatever the size of one."""
    return int(np.clip(NUMBERS // math.prod(shape[1:]), FEWEST, DRAWN))


def _figures(config, x, labels, vae, history, scale):
    """Pairs of a name and a picture as a data URI."""
    q = vae.encode(x)
    mean, covariance = q.mean().numpy(), q.covariance().numpy()
    order = np.argsort(-mean.var(axis=0))  # the dimensions that say most about x first
    sorted_covariance = covariance[:, order][:, :, order]
    labels = None if labels is None else labels[:ELLIPSES]
    steps = np.linspace(-LIMIT, LIMIT, 11)
    made = vae.reconstruct(x[:SHOWN]).numpy()

    yield "curves", _embed(pictures.learning_curves(history, config.warmup))
    yield "reconstructions", _embed(gallery.beside(x[:SHOWN], made, scale))
    yield "correlation", _embed(pictures.mean_absolute_correlation(sorted_covariance))
    yield "covariances", _embed(pictures.covariances(x[:COVARIANCES], sorted_covariance[:COVARIANCES], scale))
    yield "ellipses", _embed(pictures.ellipses(mean[:ELLIPSES], covariance[:ELLIPSES], labels))
    yield "traversed", _embed(gallery.gallery(_grid(np.stack([x[0], made[0]]), 1), scale))
    for name, spread in {"uncertain": covariance[0], "varying": np.atleast_2d(np.cov(mean.T))}.items():
        points = along_axes(mean[0], spread, steps)
        points = onto_simplex(points) if vae.posterior.space == "simplex" else points
        yield name, _embed(gallery.traversal(vae.decode(points).mean().numpy(), steps, scale))


def _latent_figures(train, support, x, vae, scores, scale):
    """The same of what concerns the aggregated posterior."""
    names = [name for name in ("prior", *vae.samplers.fitted) if name != "compressed"]
    samples = {name: vae.generate(SAMPLES, seed=0, latents=name).numpy() for name in names}
    rows = [f"{name}" if i == 0 else "" for name in names for i in range(2)]
    drawn = np.concatenate([_grid(of_name, 2) for of_name in samples.values()])
    yield "samples", _embed(gallery.gallery(drawn, scale, rows))
    few = [samples[name][: SAMPLES // 2] for name in ("prior", "aggregated") if name in names]
    like = nearest(np.concatenate(few), train, scale_of(support, train))[0]
    rows = [row for pair in zip(few, np.array_split(like, len(few)), strict=True) for row in pair]
    yield "nearest", _embed(gallery.gallery(np.stack(rows), scale, ["prior", "nearest", "aggregated", "nearest"]))

    if "aggregated" in vae.samplers.fitted:
        means = vae.encode(x).mean().numpy()
        q, p = (vae.latent_distribution(name).sample(POINTS, seed=[0, 0]).numpy() for name in ("aggregated", "prior"))
        yield "densities", _embed(latent_pictures.densities(q, p, pictures.leading_plane(means)))
    information = scores["information"]
    if information.get("mean_kl_of_dimensions"):
        kls = (Estimate(**information[f"{name}_kl_of_dimensions"]) for name in ("mean", "marginal"))
        active = np.array(information["variance_of_means"]) > ACTIVE * np.array(information["variance_of_prior"])
        yield "dimensions", _embed(latent_pictures.dimensions(*kls, active))
    log_weights = _log_weights(vae, x[:WEIGHED], min(scores["draws"], 1_000))
    yield "weights", _embed(latent_pictures.weights(log_weights, scores["log_likelihood_of_draws"]))
    pseudo_inputs = getattr(getattr(vae.prior, "upper", vae.prior), "pseudo_inputs", None)
    if pseudo_inputs is not None:
        shown = pseudo_inputs.numpy()[some(len(pseudo_inputs), 4 * SHOWN)]
        yield "pseudo_inputs", _embed(gallery.gallery(_grid(shown, 4 if len(shown) == 4 * SHOWN else 1), scale))


def _log_weights(vae, x, draws):
    """Returns log w of draws for each example [K, n], of so many examples at once as make few numbers."""
    rows = max(1, NUMBERS // (draws * math.prod(x.shape[1:])))
    chunks = [vae.terms(x[i : i + rows], draws, [0, i]).log_weights.numpy() for i in range(0, len(x), rows)]
    return np.concatenate(chunks, axis=1)


def _table_figures(train, columns, x, vae):
    """The same of what concerns the columns of tables."""
    names = columns or [f"element {i}" for i in range(train.shape[1])]
    train = train[some(len(train), within(train.shape))]
    made = vae.reconstruct(x).numpy()
    r2 = table_pictures.r_squared(x, made)
    few, more = (varying(train, most) for most in (table_pictures.COLUMNS, gallery.BARS))
    named = [[names[i] for i in index] for index in (few, more)]
    yield "reconstructed", _embed(table_pictures.reconstructed(x[:, few], made[:, few], r2[few], named[0]))
    yield "r_squared", _embed(table_pictures.shares(r2, names))
    z = vae.latent_distribution("prior").sample(within(train.shape), seed=[0, 0])
    drawn = vae.decode(z).sample(seed=[0, 1]).numpy()
    yield "marginals", _embed(table_pictures.marginals(train[:, few], drawn[:, few], named[0]))
    if len(more) > 1:
        yield "correlations", _embed(table_pictures.correlations(train[:, more], drawn[:, more], named[1]))


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
