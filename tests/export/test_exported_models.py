"""Every pair of posterior and prior and every network of the catalogue, exported, in the C++ loader."""

import numpy as np
import pytest

from export.checks.lint import lint
from export.checks.proof import Loader, prove
from export.saved_model import write
from export.signatures.concrete import functions, signatures
from export.signatures.frozen_model import FrozenModel
from export.signatures.inputs import probe_rows
from tests.models.exported import COMPONENTS, SAMPLES, expected, small
from zoo.catalog import CATALOG
from zoo.model.scores import estimate

pytestmark = pytest.mark.slow

OF_ROWS = {
    *("reconstruct", "encode", "encode_sample", "encode_covariance", "decode"),
    *("sample_prior", "sample_aggregated", "score", "interpolate"),
}
OF_IMAGES = {"reconstruct_bytes", "encode_bytes", "encode_covariance_bytes", "score_bytes", "decode_png"}
REPEATS = 150  # scores of one example, whose mean is compared


# An export does not read the objective, and reads a network by its features and by p(x|z) alone: of the models with the
# same posterior and prior the last, which is a convolutional one where there is one, stands for all.
MODELS = {(recipe.posterior, recipe.prior): name for name, recipe in CATALOG.items()}


def test_no_part_is_left_out():
    recipes, chosen = CATALOG.values(), [CATALOG[name] for name in MODELS.values()]
    for part in ("posterior", "prior", "likelihood", "network", "encoder", "decoder"):
        assert {getattr(recipe, part) for recipe in chosen} == {getattr(recipe, part) for recipe in recipes}


def is_convolutional(name):
    return CATALOG[name].network == "conv"


@pytest.mark.parametrize("name", MODELS.values())
def test_each_signature_gives_what_the_model_gives(tmp_path, name):
    # Signatures of image files are those of pixels behind a decoder, as the next test holds: two models have them.
    vae = small(name, event_shape=(6, 6, 1) if is_convolutional(name) else (36,))
    model = FrozenModel(vae, vae.samplers.fitted["aggregated"].compress(COMPONENTS), SAMPLES)
    concrete = signatures(model)
    assert set(concrete) == (OF_ROWS | OF_IMAGES if is_convolutional(name) else OF_ROWS)
    write(tmp_path, concrete)
    assert lint(tmp_path) == []
    rows = probe_rows(vae, 3)
    with Loader(tmp_path) as loader:
        prove(loader, vae, functions(model), progress=False)
        # That had the same functions for a reference; this has the model's own methods.
        for signature, outputs in expected(vae, rows).items():
            got = loader.run(signature, {key: rows[key] for key in concrete[signature].structured_input_signature[1]})
            for key, value in outputs.items():
                np.testing.assert_allclose(got[key], value, rtol=1e-4, atol=1e-4, err_msg=f"{key} of {signature}")
                assert np.ptp(got[key], axis=0).max() > 1e-4, f"rows of {key} of {signature} are alike"
        check_the_seed(loader, rows)
        check_scores(loader, vae, rows["x"][:1])


def test_a_signature_of_image_files_runs_the_one_of_pixels():
    vae = small("diag_vae")
    concrete = signatures(FrozenModel(vae, samples=SAMPLES))
    for name in OF_IMAGES - {"decode_png"}:
        of_pixels = concrete[name.removesuffix("_bytes")].function_def.signature.name
        calls = [op for op in concrete[name].graph.get_operations() if "f" in op.node_def.attr]
        assert of_pixels in [op.get_attr("f").name for op in calls], name
        assert not any(op.type == "MatMul" for op in concrete[name].graph.get_operations())


def check_the_seed(loader, rows):
    x, seed = np.repeat(rows["x"][:1], 3, axis=0), rows["seed"][[0, 1, 0]]
    for signature, inputs in {"encode_sample": {"x": x}, "sample_prior": {}, "sample_aggregated": {}}.items():
        z = loader.run(signature, inputs | {"seed": seed})["z"]
        np.testing.assert_allclose(z[0], z[2], rtol=1e-5, atol=1e-6)
        assert np.abs(z[0] - z[1]).max() > 1e-4, f"the draws of two seeds in {signature} are the same"


def check_scores(loader, vae, x):
    """Each term against the model's own estimate; fails by chance once in a million, five standard errors of both."""
    x = np.repeat(x, REPEATS, axis=0)
    seed = np.stack([np.arange(REPEATS), np.full(REPEATS, 7)], axis=1).astype(np.int32)
    got = loader.run("score", {"x": x, "seed": seed})
    np.testing.assert_allclose(got["elbo"], -got["reconstruction"] - got["kl"], rtol=1e-4, atol=1e-3)
    own = estimate(vae.terms(x, SAMPLES, seed=[1, 2]))
    for name, values in got.items():
        pair = np.stack([values, getattr(own, name)])
        error = np.sqrt((pair.var(axis=1, ddof=1) / REPEATS).sum())
        assert abs(pair.mean(axis=1) @ [1, -1]) < 5 * error + 1e-3, f"{name}: {pair.mean(axis=1)} ± {error}"


def test_an_export_does_not_read_the_objective():
    """Of the objective nothing is served: a model with one that cannot be asked anything is served as any other."""
    vae, rows = small("diag_vae"), probe_rows(small("diag_vae"), 2)
    served = functions(FrozenModel(vae, samples=SAMPLES))
    before = served["score"].function(x=rows["x"], seed=rows["seed"])
    vae.objective.call = vae.objective.sample_posterior = vae.objective.batch_statistic = None
    after = functions(FrozenModel(vae, samples=SAMPLES))["score"].function(x=rows["x"], seed=rows["seed"])
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name])
