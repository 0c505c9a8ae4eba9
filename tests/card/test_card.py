"""Model cards, as Hugging Face's library reads them."""

import copy
import re

import pytest
from huggingface_hub import ModelCard

from training.card.card import card

METADATA = {
    "model": "tril_vae",
    "description": "A posterior with full covariance.",
    "data": "digits",
    "license": "apache-2.0",
    "support": "binary",
    "event_shape": [8, 8, 1],
    "latent": 16,
    "parameter_count": 475_416,
    "vae_zoo_version": "0.1.0",
    "keras_version": "3.15.1",
    "tensorflow_version": "2.21.0",
    "tensorflow_probability_version": "0.25.0",
}
SETTINGS = {
    "posterior": "tril",
    "prior": "vamp(components=500)",
    "likelihood": "bernoulli",
    "objective": "elbo",
    "network": "mlp",
}
TRAINING = {"command": "vae-zoo train --model tril_vae --data digits", "settings": SETTINGS}
QUALITY = {
    name: {"value": value, "standard_error": 0.04} for name, value in (("frechet_distance", 1.27), ("recall", 0.93))
}
QUALITY["precision"] = {"value": 0.82, "standard_error": 0.01}
METRICS = {
    "epochs": 300,
    "training_seconds": 24.7,
    "devices": "1 CPU",
    "log_likelihood": -22.158,
    "log_likelihood_standard_error": 0.251,
    "elbo": -22.769,
    "elbo_standard_error": 0.254,
    "reconstruction": 16.899,
    "reconstruction_standard_error": 0.268,
    "kl": 5.871,
    "kl_standard_error": 0.071,
    "examples": 200,
    "importance_samples": 1000,
    "warning": None,
    "information": {
        "active": 16,
        "log_encodings": 7.242,
        "mutual_information": {"value": 5.255, "standard_error": 0.02},
    },
    "samples": {"qualities": {"training data": QUALITY, "prior": QUALITY, "aggregated": QUALITY}},
    "published": {"log_likelihood": -22.31, "source": "nobody (2026)", "note": ""},
}


def parsed(*pictures, name="tril_vae-digits", **changes):
    files = {"metadata": METADATA, "training": TRAINING, "metrics": METRICS} | changes
    return ModelCard(card(name, **copy.deepcopy(files), pictures=pictures))


def test_hugging_face_reads_the_front_matter():
    data = parsed().data
    assert (data.license, data.library_name) == ("apache-2.0", "vae-zoo")
    assert {"variational-autoencoder", "tril", "vamp", "mlp"} <= set(data.tags)
    assert data.model_name == "tril_vae-digits"
    assert "base_model" not in data.to_dict()


def test_hugging_face_reads_the_metrics():
    data = parsed().data
    found = {(each.metric_type, (each.metric_args or {}).get("sampler")): each for each in data.eval_results}
    assert found["nll", None].metric_value == 22.158
    assert found["nll", None].metric_args == {"standard_error": 0.251, "examples": 200, "importance_samples": 1000}
    assert found["elbo", None].metric_value == -22.769
    assert found["kl", None].metric_value == 5.871
    assert found["active_units", None].metric_value == 16
    assert found["frechet_distance", "aggregated"].metric_value == 1.27
    assert ("frechet_distance", "training data") not in found
    assert {each.dataset_name for each in data.eval_results} == {"digits"}


def test_a_fine_tuned_model_names_its_base():
    found = parsed(base_model="tril_vae-mnist")
    assert found.data.base_model == "tril_vae-mnist"
    assert "Fine-tuned from `tril_vae-mnist`." in found.text


def test_every_number_is_one_of_the_files():
    text = parsed().text.replace("−", "-")
    known = {f"{value:.{digits}f}" for value in numbers([METADATA, METRICS]) for digits in (0, 1, 2)}
    assert {"-22.16", "0.25", "-22.31", "1.27"} <= known
    said = re.findall(r"(?<![\w.-])-?\d+\.\d+(?![\w.])", text)
    assert len(said) > 12
    assert set(said) <= known


def numbers(tree):
    """Yields all numbers in a tree of dicts and lists."""
    if isinstance(tree, dict | list):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from numbers(branch)
    elif isinstance(tree, int | float):
        yield tree


def test_pictures_have_captions():
    text = parsed(("samples.png", "Samples.")).text
    assert "![Samples.](assets/samples.png)" in text


@pytest.mark.parametrize("missing", ["information", "samples", "published"])
def test_what_was_not_measured_is_left_out(missing):
    without = {key: value for key, value in METRICS.items() if key != missing}
    none = METRICS | {missing: {"unavailable": "why"} if missing == "information" else None}
    for metrics in (without, none):
        found = parsed(metrics=metrics)
        assert found.data.eval_results[0].metric_type == "nll"
        assert "None" not in found.text


def test_without_scores_there_are_no_results():
    found = parsed(metrics={})
    assert found.data.eval_results is None
    assert "## Scores" not in found.text


def test_text_of_others_cannot_leave_its_place():
    wicked = 'x"\n---\nlicense: mit\n# Run this'
    found = parsed(name=wicked, metadata=METADATA | {"data": wicked, "description": wicked, "license": wicked})
    assert found.data.license == wicked
    assert found.data.model_name == wicked
    assert not re.search(r"^# Run this", found.text, re.M)
