"""Pictures of latent space draw whatever there is, and the nearest example is the nearest."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.container import BarContainer

from training.evaluation.estimate import Estimate
from training.evaluation.samples import nearest
from training.report.latent_pictures import _levels, densities, dimensions, weights
from training.report.pictures import MUTED, leading_plane

RNG = np.random.default_rng(0)


def drawn(figure):
    """The bytes of the picture, drawn without complaint."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=40)
    return content.getvalue()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("latent", [1, 2, 40])
@pytest.mark.parametrize("far", [0, 8])
def test_densities_in_any_number_of_dimensions(latent, far):
    q, p = far + 0.3 * RNG.normal(size=(3_000, latent)), RNG.normal(size=(3_000, latent))
    figure = densities(np.float32(q), np.float32(p), leading_plane(q))
    assert drawn(figure).startswith(b"\x89PNG")
    assert figure.axes[0].get_xlabel() == "first principal direction of the posteriors' means"


def test_levels_hold_their_shares():
    density = RNG.exponential(size=(50, 50)) ** 2
    levels = _levels(density)
    assert np.all(np.diff(levels) > 0)
    shares = [density[density >= level].sum() / density.sum() for level in levels]
    np.testing.assert_allclose(shares, [0.95, 0.8, 0.5], atol=0.01)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("active", ["all", "none", "some"])
@pytest.mark.parametrize("latent", [1, 2, 40])
def test_dimensions_in_falling_order(latent, active):
    mean_kl, marginal_kl = RNG.exponential(size=(2, latent))
    chosen = {"all": np.ones(latent, bool), "none": np.zeros(latent, bool), "some": mean_kl > np.median(mean_kl)}
    errors = [0.0] * latent if latent == 2 else list(0.1 * mean_kl)
    figure = dimensions(Estimate(list(mean_kl), errors), Estimate(list(marginal_kl), errors), chosen[active])
    (axes,) = figure.axes
    bars = next(container for container in axes.containers if isinstance(container, BarContainer))
    np.testing.assert_allclose([bar.get_height() for bar in bars], np.sort(mean_kl)[::-1])
    order = np.argsort(-mean_kl)
    assert [int(label.get_text()) for label in axes.get_xticklabels()] == list(order)
    (dots,) = (line for line in axes.lines if "p(zⱼ)" in line.get_label())
    np.testing.assert_allclose(dots.get_ydata(), marginal_kl[order])
    words = " ".join(text.get_text() for text in axes.get_legend().get_texts())
    assert ("inactive" in words) == (not chosen[active].all())
    assert [bar.get_facecolor() == to_rgba(MUTED) for bar in bars] == list(~chosen[active][order])
    drawn(figure)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("draws", [1, 2, 300])
@pytest.mark.parametrize("spread", [0.0, 3.0, 300.0])
def test_weights_are_drawn_beside_their_mean(draws, spread):
    log_weights = -500 + spread * RNG.normal(size=(draws, 20))
    figure = weights(np.float32(log_weights), {str(k): -600.0 + k for k in (1, draws)})
    left, right = figure.axes
    assert sum(bar.get_height() for bar in left.patches) == pytest.approx(20 * draws, rel=0.01, abs=1)
    np.testing.assert_array_equal(right.lines[0].get_xdata()[-1], draws)
    drawn(figure)


@pytest.mark.parametrize("rows", [1, 7, 1_000])
@pytest.mark.parametrize("shape", [(5,), (4, 3, 1)])
def test_nearest_is_that_of_a_loop(rows, shape):
    x, examples = RNG.normal(size=(9, *shape)), RNG.normal(size=(30, *shape))
    expected = [min(examples, key=lambda example, point=point: np.sum((example - point) ** 2)) for point in x]
    found, distances = nearest(x, examples, rows=rows)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(distances, [np.linalg.norm(a - b) for a, b in zip(x, expected, strict=True)], rtol=1e-4)


def test_nearest_to_an_example_is_itself_whatever_its_type():
    examples = RNG.integers(0, 256, size=(50, 4, 4), dtype=np.uint8)
    np.testing.assert_array_equal(nearest(examples[::-1], examples, rows=8)[0], examples[::-1])


def test_nearest_among_examples_far_from_the_origin():
    examples = 1_000 + np.arange(20.0)[:, None]
    np.testing.assert_array_equal(nearest(examples + 0.2, examples)[0], examples)
