"""The report draws any kind of data, and what it draws is right."""

import re

import numpy as np
import pytest

import zoo
from training.config import Config
from training.data import Dataset
from training.evaluation.covariance import correlation
from training.evaluation.evaluation import evaluate
from training.evaluation.samples import MIN_EXAMPLES
from training.evaluation.scores import RunScores, TrainingSummary
from training.evaluation.settings import Settings
from training.report import figures as module
from training.report.figures import Shown, along_axes, figures
from training.report.page import report
from training.report.pictures import leading_plane

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
TRAINED = TrainingSummary("tril_vae", "made", 2, 1.0, "1 CPU")


@pytest.fixture
def few_examples(monkeypatch):
    """Pictures of fewer examples than a run's, each of which takes its time; `test_train` has a run's."""
    for name, number in {"SHOWN": 3, "COVARIANCES": 2, "SAMPLES": 6, "DENSITY_DRAWS": 2_000}.items():
        monkeypatch.setattr(f"training.report.figures.{name}", number)


@pytest.mark.usefixtures("few_examples")
@pytest.mark.parametrize(
    ("event_shape", "latent", "name"),
    [
        ((1,), 1, "tril_vae"),
        ((5,), 3, "tril_vae"),
        ((4, 3), 2, "diag_vae"),
        ((4, 4, 3), 1, "tril_vae"),
        ((2, 3, 4, 5), 3, "tril_vae"),
    ],
)
def test_any_shape_of_data_and_any_name(event_shape, latent, name):
    train, validation, test = (RNG.normal(size=(12, *event_shape)) for _ in range(3))
    labels = None if event_shape == (5,) else np.arange(12) % 3
    dataset = Dataset("made", "real", train, validation, test, labels=labels)
    vae = zoo.build(name, event_shape, "real", latent=latent, network="mlp(hidden=(4,))")
    history = {
        name: [3.0, 2.0] for name in ("loss", "val_loss", "kl", "val_kl", "reconstruction", "val_reconstruction")
    }
    anneals = event_shape == (5,)
    slow = {"method": "ais(temperatures=4, chains=2)", "examples": 3, "bdmc": 2} if anneals else {}
    scores = RunScores(TRAINED, evaluate(vae, dataset, Settings(samples=3, draws=20, **slow)))
    page = report(Config(data="<script>alert(1)</script>"), dataset, vae, history, scores)
    assert "<script>" not in page  # but escaped
    assert ("Annealed importance sampling" in page) == ("2 generated examples (BDMC)" in page) == anneals
    compared = f"{MIN_EXAMPLES} training examples and as many held-out ones, and there are 12 and 24"
    assert compared in page
    assert len(re.findall("data:image/png;base64,iVBOR", page)) == 13 + {(1,): 3, (5,): 4}.get(event_shape, 0)


def test_correlation():
    samples = RNG.normal(size=(3, 50))
    np.testing.assert_allclose(correlation(np.cov(samples)), np.corrcoef(samples))


def test_the_leading_plane_is_that_of_the_largest_eigenvalues():
    points = RNG.normal(size=(200, 4)) * [1, 5, 0.1, 3]
    plane = leading_plane(points)
    np.testing.assert_allclose(plane.T @ plane, np.eye(2), atol=1e-12)
    values = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    np.testing.assert_allclose(np.diag(np.cov((points @ plane).T)), values[:2], rtol=1e-10)


def test_axes_are_the_eigenvectors_in_standard_deviations():
    root = RNG.normal(size=(3, 3))
    covariance, mean = root @ root.T, RNG.normal(size=3)
    points = along_axes(mean, covariance, np.array([-1.0, 0.0, 2.0]))
    assert points.shape == (3, 3, 3)
    np.testing.assert_allclose(points[:, 1], np.tile(mean, (3, 1)))
    steps = points[:, 2] - mean
    distance = np.einsum("ai,ij,aj->a", steps, np.linalg.inv(covariance), steps)
    np.testing.assert_allclose(distance, 4)  # two standard deviations on each axis
    assert np.all(np.diff(np.linalg.norm(steps, axis=1)) < 0)  # the longest first


def test_examples_shown_of_sorted_data_are_of_all_classes(monkeypatch):
    labels = np.repeat(np.arange(10), 50)
    x = labels[:, None] + np.zeros((1, 3))
    dataset = Dataset("made", "real", RNG.normal(size=(40, 3)), x, x, labels=labels)
    vae = zoo.build("vamp_vae", 3, "real", prior="vamp(components=500)", latent=2, network="mlp(hidden=(4,))")
    vae.prior.set_range(0, 9)
    vae.prior.unit_pseudo_inputs.assign(x / 9)
    monkeypatch.setattr(module.gallery, "beside", lambda x, *args: x)
    monkeypatch.setattr(module.gallery, "gallery", lambda x, *args: x)
    monkeypatch.setattr(module.gallery, "traversal", lambda *args: None)
    shown = Shown.of(dataset)
    np.testing.assert_array_equal(shown.x[:, 0], shown.labels)
    evaluation = evaluate(vae, dataset, Settings(samples=2, draws=2, samplers=()))
    found = dict(figures(Config(data="made"), vae, shown, {"loss": [1.0], "kl": [1.0]}, evaluation))
    # Of ten examples by chance, fewer than four classes come up once in ten thousand times.
    assert len(np.unique(found["reconstructions"])) >= 4
    assert len(np.unique(np.round(found["pseudo_inputs"], 3))) >= 8
