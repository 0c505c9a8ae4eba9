"""The signatures of refined posteriors, which an export has if asked for."""

import numpy as np
import pytest

from export import manifest
from export.checks.lint import lint
from export.checks.proof import Loader, prove
from export.errors import ExportError
from export.saved_model import export, write
from export.signatures.concrete import functions, signatures
from export.signatures.frozen_model import FrozenModel
from export.signatures.inputs import probe_rows
from tests.models.exported import only, small

pytestmark = pytest.mark.slow

STEPS, SAMPLES, ROWS = 20, 50, 6
SIGNATURES = ("reconstruct", "encode", "encode_refined", "score_refined")


@pytest.fixture(scope="module")
def vae():
    return small("tril_vae", event_shape=(9,))


@pytest.fixture(scope="module")
def version(vae, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        only(patch, *SIGNATURES)
        folder = tmp_path_factory.mktemp("served")
        return export(vae, folder, samples=SAMPLES, aggregated=False, refine_steps=STEPS, progress=False)


@pytest.fixture(scope="module")
def loader(version):
    with Loader(version) as loader:
        yield loader


@pytest.fixture(scope="module")
def rows(vae):
    return {name: values for name, values in probe_rows(vae, ROWS).items() if name in ("x", "seed")}


def test_the_manifest_has_them(version):
    found = manifest.read(version)
    assert found["refine_steps"] == STEPS
    assert set(found["signatures"]) == set(SIGNATURES)
    outputs = {name: set(found["signatures"][name]["outputs"]) for name in SIGNATURES}
    assert outputs["encode_refined"] == {"loc", "scale_tril"}
    assert outputs["score_refined"] == {"amortization_gap", "elbo", "kl", "log_likelihood", "reconstruction"}
    assert all(set(found["signatures"][f"{name}_refined"]["inputs"]) == {"x", "seed"} for name in ("encode", "score"))


def test_an_export_without_steps_has_none(vae, monkeypatch):
    only(monkeypatch, *SIGNATURES)
    assert set(functions(FrozenModel(vae))) == {"reconstruct", "encode"}


def test_a_row_and_its_seed_alone_give_the_same(loader, rows):
    for name in ("encode_refined", "score_refined"):
        together = loader.run(name, rows)
        alone = [loader.run(name, {key: values[i : i + 1] for key, values in rows.items()}) for i in (0, 5)]
        for key, values in together.items():
            np.testing.assert_allclose(
                values[[0, 5]], np.concatenate([one[key] for one in alone]), rtol=1e-4, atol=1e-4
            )
    reseeded = loader.run("encode_refined", rows | {"seed": rows["seed"][::-1]})["loc"]
    refined = loader.run("encode_refined", rows)["loc"]
    assert np.abs(reseeded - refined).max(axis=1).min() > 1e-4
    assert np.abs(reseeded - refined).max() < np.abs(loader.run("encode", {"x": rows["x"]})["loc"] - refined).max()


def test_the_gap_is_that_of_the_model_in_python(vae, loader, rows):
    served = loader.run("score_refined", rows)
    own = vae.refine(rows["x"], steps=STEPS)
    assert (served["amortization_gap"] >= 0).all()
    assert own.amortization_gap.max() > 0.3
    # The draws differ, of the steps and of the 200 in comparisons.
    np.testing.assert_allclose(served["amortization_gap"], own.amortization_gap, rtol=0.2, atol=0.2)
    scores = own.score(samples=2000)
    np.testing.assert_allclose(served["log_likelihood"], scores.log_likelihood, rtol=0, atol=0.5)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"x": np.full((2, 9), np.nan, np.float32)}, "Expected x to be finite"),
        ({"x": np.full((2, 9), 3, np.float32)}, r"and in \[0, 1\]"),
        ({"seed": np.zeros((1, 2), np.int32)}, "as many rows"),
    ],
    ids=["NaN", "outside", "seeds"],
)
def test_bad_input_is_refused(loader, inputs, words):
    good = {"x": np.zeros((2, 9), np.float32), "seed": np.zeros((2, 2), np.int32)}
    for name in ("encode_refined", "score_refined"):
        with pytest.raises(ExportError, match=words):
            loader.run(name, good | inputs)


@pytest.mark.parametrize("name", ["hvae", "dirichlet_vae"])
def test_posteriors_without_a_closed_form_are_proved_too(tmp_path, monkeypatch, name):
    only(monkeypatch, "reconstruct", "encode_refined")
    vae = small(name, event_shape=(9,))
    model = FrozenModel(vae, refine_steps=3)
    write(tmp_path, signatures(model))
    assert lint(tmp_path) == []
    with Loader(tmp_path) as loader:
        prove(loader, vae, functions(model), progress=False)
