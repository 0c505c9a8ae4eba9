"""Which figures a report has, by name."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from training.evaluation.features import scale_of
from training.evaluation.samples import nearest
from training.report import gallery, latent_pictures, pictures, table_pictures
from training.report.gallery import Scale, varying
from zoo.data import support as supports

POSTERIORS, ELLIPSES, SHOWN, COVARIANCES, AXES = 500, 200, 10, 5, 5
SEED = 0  # of the choice of examples
LIMIT = 2.5  # standard deviations to either side that traversals go
SAMPLES, DENSITY_DRAWS = 24, 50_000  # samples per sampler, and draws for densities of z
WEIGHED = 20  # examples whose importance weights are shown
MAX_ROWS, MIN_ROWS, MAX_ELEMENTS = 5_000, 200, 20_000_000  # examples or samples in a figure, and numbers in all of them


@dataclass(frozen=True)
class Shown:
    """The examples that figures show.

    Args:
        train: training examples [N, *x], as the model sees them.
        x: random test examples [n, *x].
        labels: of these [n], or None.
        columns: names of the elements of x, or None.
        support: name of the support of x.
        scale: range of x in all figures.
    """

    train: np.ndarray
    x: np.ndarray
    labels: np.ndarray | None
    columns: tuple[str, ...] | None
    support: str
    scale: Scale

    @classmethod
    def of(cls, dataset):
        """Returns the examples of a data set that its report shows, the same ones for every model."""
        index, train = some(len(dataset.test), POSTERIORS), dataset.seen(0)
        labels = None if dataset.labels is None else dataset.labels[index]
        scale = Scale.of(train[some(len(train), within(train.shape))])
        return cls(train, np.float32(dataset.test[index]), labels, dataset.columns, dataset.support, scale)


def some(n, most):
    """Returns which of n examples to show, shuffled, as files may have them sorted by class.

    They are the same ones in all reports, so that models of the same data can be compared by eye.

    Args:
        n: how many there are.
        most: how many to show, at most.
    """
    return np.random.default_rng(SEED).permutation(n)[:most]


def within(shape):
    """Returns how many examples [N, *x] a figure rests on: fewer of large ones."""
    return int(np.clip(MAX_ELEMENTS // math.prod(shape[1:]), MIN_ROWS, MAX_ROWS))


def figures(config, vae, shown, history, evaluation):
    """Returns an iterator over the figures of a report, pairs of a name and a matplotlib figure.

    Args:
        config: the run's `Config`.
        vae: the trained `zoo.VAE`.
        shown: `Shown`.
        history: a dict of lists, a value per epoch.
        evaluation: the model's `Evaluation`.
    """
    return itertools.chain(
        [("curves", pictures.learning_curves(history, config.warmup))],
        _of_posteriors(vae, shown),
        _of_samples(vae, shown),
        _of_latent_space(vae, shown, evaluation),
        _of_columns(vae, shown) if shown.train.ndim == 2 else (),
    )


def _of_posteriors(vae, shown):
    """Yields reconstructions, covariances and traversals."""
    q, x, scale = vae.encode(shown.x), shown.x, shown.scale
    mean, covariance = q.mean().numpy(), q.covariance().numpy()
    order = np.argsort(-mean.var(axis=0))  # the most informative dimensions first
    ordered = covariance[:, order][:, :, order]
    labels = None if shown.labels is None else shown.labels[:ELLIPSES]
    made = vae.reconstruct(x[:SHOWN]).numpy()
    yield "reconstructions", gallery.beside(x[:SHOWN], made, scale)
    yield "correlation", pictures.mean_absolute_correlation(ordered)
    yield "covariances", pictures.covariances(x[:COVARIANCES], ordered[:COVARIANCES], scale)
    yield "ellipses", pictures.ellipses(mean[:ELLIPSES], covariance[:ELLIPSES], labels)
    yield "traversed", gallery.gallery(_grid(np.stack([x[0], made[0]]), 1), scale)
    steps = np.linspace(-LIMIT, LIMIT, 11)
    for name, spread in {"uncertain": covariance[0], "varying": np.atleast_2d(np.cov(mean.T))}.items():
        points = along_axes(mean[0], spread, steps)
        if supports.get(vae.posterior.support).total is not None:
            points = onto_simplex(points)
        yield name, gallery.traversal(vae.decode(points).mean().numpy(), steps, scale)


def _of_samples(vae, shown):
    """Yields samples of each sampler, and the training examples nearest to some."""
    names = [name for name in ("prior", *vae.samplers.fitted) if name != "compressed"]
    samples = {name: vae.generate(SAMPLES, seed=0, sampler=name).numpy() for name in names}
    rows = list(itertools.chain(*((name, "") for name in names)))
    yield "samples", gallery.gallery(np.concatenate([_grid(x, 2) for x in samples.values()]), shown.scale, rows)
    few = {name: samples[name][: SAMPLES // 2] for name in ("prior", "aggregated") if name in samples}
    yield "nearest", _beside_nearest(few, shown)
    if vae.prior.pseudo_inputs is not None:
        pseudo_inputs = vae.prior.pseudo_inputs.numpy()
        x = pseudo_inputs[some(len(pseudo_inputs), 4 * SHOWN)]
        yield "pseudo_inputs", gallery.gallery(_grid(x, 4 if len(x) == 4 * SHOWN else 1), shown.scale)


def _beside_nearest(samples, shown):
    """Returns a gallery of samples [n, *x] by name, each above the nearest training example."""
    train, n = shown.train, len(samples)
    examples, _ = nearest(np.concatenate(list(samples.values())), train, scale_of(shown.support, train))
    pairs = itertools.chain(*zip(samples.values(), np.array_split(examples, n), strict=True))
    rows = list(itertools.chain(*((name, "nearest") for name in samples)))
    return gallery.gallery(np.stack(list(pairs)), shown.scale, rows)


def _of_latent_space(vae, shown, evaluation):
    """Yields the aggregated posterior, its dimensions, and importance weights."""
    if "aggregated" in vae.samplers.fitted:
        plane = pictures.leading_plane(vae.encode(shown.x).mean().numpy())
        names = ("aggregated", "prior")
        q, p = (vae.latent_distribution(name).sample(DENSITY_DRAWS, seed=[0, 0]).numpy() for name in names)
        yield "densities", latent_pictures.densities(q, p, plane)
    information, likelihood = evaluation.information, evaluation.likelihood
    if information is not None and information.mean_kl_of_dimensions is not None:
        kls = information.mean_kl_of_dimensions, information.marginal_kl_of_dimensions
        yield "dimensions", latent_pictures.dimensions(*kls, information.is_active)
    log_weights = _log_weights(vae, shown.x[:WEIGHED], min(likelihood.importance_samples, 1_000))
    yield "weights", latent_pictures.weights(log_weights, likelihood.log_likelihood_by_samples)


def _log_weights(vae, x, draws):
    """Returns log w of draws for each example [K, n], in chunks of examples that fit into memory."""
    rows = max(1, MAX_ELEMENTS // (draws * math.prod(x.shape[1:])))
    chunks = [vae.terms(x[i : i + rows], draws, [0, i]).log_weights.numpy() for i in range(0, len(x), rows)]
    return np.concatenate(chunks, axis=1)


def _of_columns(vae, shown):
    """Yields the columns of tables: reconstructions, and samples of the prior."""
    names = shown.columns or [f"element {i}" for i in range(shown.train.shape[1])]
    train = shown.train[some(len(shown.train), within(shown.train.shape))]
    x, made = shown.x, vae.reconstruct(shown.x).numpy()
    r2 = table_pictures.r_squared(x, made)
    few, more = (varying(train, most) for most in (table_pictures.COLUMNS, gallery.BARS))
    few_names, more_names = ([names[i] for i in index] for index in (few, more))
    yield "reconstructed", table_pictures.reconstructed(x[:, few], made[:, few], r2[few], few_names)
    yield "r_squared", table_pictures.shares(r2, names)
    z = vae.latent_distribution("prior").sample(within(train.shape), seed=[0, 0])
    samples = vae.decode(z).sample(seed=[0, 1]).numpy()
    yield "marginals", table_pictures.marginals(train[:, few], samples[:, few], few_names)
    if len(more) > 1:
        yield "correlations", table_pictures.correlations(train[:, more], samples[:, more], more_names)


def along_axes(mean, covariance, steps):
    """Returns points along the leading eigenvectors of a covariance matrix.

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
    """Returns points [..., L] on the simplex: negative coordinates set to 0, the sum to 1."""
    z = np.maximum(z, 0)
    return z / z.sum(axis=-1, keepdims=True)


def _grid(x, rows):
    return x.reshape(rows, -1, *x.shape[1:])
