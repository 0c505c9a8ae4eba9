"""Galleries and the pictures of tables: what is drawn, of any width, in the same time."""

import io

import numpy as np
import pytest
from sklearn import metrics

from training.report.gallery import BARS, FLOOR, Scale, gallery, panel_ratio, traversal, varying
from training.report.table_pictures import r_squared, reconstructed, shares

RNG = np.random.default_rng(0)


def drawn(figure):
    """The bytes of the picture, drawn without complaint."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=40, bbox_inches="tight")
    return content.getvalue()


def artists(figure):
    """How many things are drawn, and how many corners they have."""
    collections = [c for axes in figure.axes for c in axes.collections]
    patches = sum(len(axes.patches) for axes in figure.axes)
    return patches + sum(len(c.get_paths()) for c in collections)


def test_elements_that_vary_most_are_drawn_in_their_order():
    x = RNG.normal(size=(100, 50)) * np.r_[np.ones(20), 9 * np.ones(10), np.zeros(20)]
    np.testing.assert_array_equal(varying(x, 10), np.arange(20, 30))
    np.testing.assert_array_equal(varying(x, 50), np.arange(50))
    np.testing.assert_array_equal(varying(x[:, 30:], 3), np.arange(3))  # of equal ones the first


def test_bars_are_scaled_by_the_training_data():
    train = np.column_stack([np.linspace(0, 1_000, 1_001), np.zeros(1_001), np.eye(1_001)[0]])
    scale = Scale.of(train)
    x = np.array([[5, 0, 0], [500, 0, 1], [995, 3, 0.5], [-99, 0, 0], [2_000, 0, 0]])
    expected = [[0, 0, 0], [0.5, 0, 1], [1, 1, 0.5], [0, 0, 0], [1, 0, 0]]  # nothing in it varies in the second
    np.testing.assert_allclose(scale(x), expected, atol=1e-6)
    bars = gallery(x[None, :1], scale).axes[0].collections[1].get_paths()
    alone, beside = (
        gallery(x[None, index], scale).axes[0].collections[1].get_paths()[3:6] for index in ([3, 1], [0, 1])
    )
    for one, other in zip(alone, beside, strict=True):  # whatever else is in the picture
        np.testing.assert_allclose(one.vertices, other.vertices)
    height = np.ptp(bars[0].vertices[:, 1])
    assert height == pytest.approx(0.86 * FLOOR / (1 + FLOOR))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("width", [1, 20_000])
def test_no_table_is_too_wide(width):
    x = np.float32(RNG.normal(size=(30, width)) + np.arange(width))
    names = [f"a column with a rather long name {i}" for i in range(width)]
    scale, few = Scale.of(x), varying(x, 12)
    r2, named = r_squared(x, x + 0.1), [names[i] for i in few]
    figures = {
        "walk": traversal(np.stack([x[:11]] * 5), np.linspace(-2, 2, 11), scale),
        "reconstructed": reconstructed(x[:, few], x[:, few] + 0.1, r2[few], named),
        "shares": shares(r2, names),
    }
    assert len(figures["walk"].axes) == 1
    assert artists(figures["walk"]) == 55 * (1 + min(width, BARS))
    for figure in figures.values():
        assert artists(figure) <= 55 * (1 + BARS)
        assert drawn(figure).startswith(b"\x89PNG")


def test_images_are_laid_out_in_rows_and_columns():
    x = RNG.uniform(1, 3, size=(2, 3, 4, 5, 1))
    figure = gallery(x, Scale.of(x.reshape(6, 4, 5, 1)), ["one", "two"])
    mosaic = figure.axes[0].images[0].get_array()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["one", "two"]
    down, across = mosaic.shape[0] // 2, mosaic.shape[1] // 3
    repeat = -(-64 // 5)
    for i, j in np.ndindex(2, 3):
        panel = mosaic[i * down : (i + 1) * down, j * across : (j + 1) * across]
        expected = (x[i, j, :, :, 0] - x.min()) / np.ptp(x)
        np.testing.assert_allclose(panel[: 4 * repeat : repeat, : 5 * repeat : repeat], expected, atol=1e-6)
        assert np.isnan(panel[4 * repeat :].astype(float).filled(np.nan)).all()  # the gap


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(5_000, 3), (2, 5_000), (8, 8), (8, 8, 3), (2, 3, 4, 5)])
def test_no_example_is_too_long(shape):
    x = RNG.normal(size=(2, 3, *shape))
    figure = gallery(x, Scale.of(x.reshape(6, *shape)))
    assert 0.25 <= panel_ratio(shape) <= 3
    assert max(figure.get_size_inches()) < 10
    assert drawn(figure).startswith(b"\x89PNG")


def test_r_squared_is_that_of_scikit_learn():
    x = RNG.normal(size=(40, 3)) * [1, 1e-3, 1e6]
    reconstructions = x + RNG.normal(size=(40, 3)) * [0.1, 5e-3, 0]
    expected = metrics.r2_score(x, reconstructions, multioutput="raw_values")
    np.testing.assert_allclose(r_squared(x, reconstructions), expected)
    assert np.isnan(r_squared(np.ones((5, 1)), np.zeros((5, 1)))).all()
    drawn(shares(np.array([0.5, np.nan, -3]), ["a", "b", "c"]))
