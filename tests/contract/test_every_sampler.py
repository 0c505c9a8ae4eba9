"""Every sampler keeps the promises of `zoo.Sampler`, whatever the posterior that it fits."""

import json

import keras
import numpy as np
import pytest

import zoo
from tests.contract.parts import LATENT, data_of, model
from zoo import registry

pytestmark = pytest.mark.slow

SPECS = [
    *zoo.names("sampler"),
    "aggregated(subsample=20)",
    "gmm(components=2, seed=3)",
    "compressed(components=7)",
]
POSTERIORS = ["diag", "mixture", "iaf", "hierarchical", "dirichlet"]


def fitted(posterior, spec, n=40):
    """A small model with that sampler, and its name; None if the sampler is incompatible with the posterior."""
    vae, name = model("posterior", posterior), registry.parse(spec)[0]
    if not registry.build("sampler", spec, event_shape=(LATENT,)).is_compatible(vae.posterior):
        return None, name
    vae.add_sampler(spec, data_of(vae, n), progress=False)
    return vae, name


def draws(vae, name):
    """What the sampler draws, and what is generated of it."""
    return vae.latent_distribution(name).sample(9, seed=[0, 1]).numpy(), vae.generate(9, 3, name).numpy()


@pytest.mark.parametrize("posterior", POSTERIORS)
@pytest.mark.parametrize("spec", zoo.names("sampler"))
def test_it_fits_or_says_so(spec, posterior):
    vae, name = fitted(posterior, spec)
    if vae is None:
        refused = f"'{name}' is incompatible with the posterior {posterior}.*Use 'aggregated'"
        with pytest.raises(ValueError, match=refused):
            (other := model("posterior", posterior)).add_sampler(spec, data_of(other, 30), progress=False)
        return
    q = vae.latent_distribution(name)
    assert (q.batch_shape, q.event_shape) == ([], [LATENT])
    z, generated = draws(vae, name)
    assert z.shape == (9, LATENT)
    assert generated.shape == (9, *vae.event_shape)
    assert np.all(np.isfinite(z))
    assert np.all(np.isfinite(generated))
    if name == "aggregated":
        right = zoo.aggregated_posterior(vae, data_of(vae, 40), progress=False)  # networks of the posterior included
        np.testing.assert_allclose(z, right.sample(9, seed=[0, 1]), rtol=1e-5, atol=1e-5)
    if name == "aggregated" and vae.posterior.density_is_sequential:
        return  # draws only
    log_prob = q.log_prob(z.reshape(3, 3, LATENT)).numpy()
    assert log_prob.shape == (3, 3)
    assert np.all(np.isfinite(log_prob))


@pytest.mark.parametrize("spec", zoo.names("sampler"))
def test_it_is_no_part_of_training(spec):
    plain = model("posterior", "tril")
    vae, name = fitted("tril", spec)
    assert len(vae.trainable_variables) == len(plain.trainable_variables)
    assert all(not weight.trainable for weight in vae.samplers.fitted[name].weights)
    assert len(vae.weights) > len(plain.weights)
    assert vae.posterior.trainable  # the sampler's is another
    before = draws(vae, name)
    for weight in vae.posterior.trainable_variables:
        weight.assign_add(np.ones(weight.shape))
    np.testing.assert_array_equal(draws(vae, name)[0], before[0])


@pytest.mark.parametrize("spec", SPECS)
def test_config_round_trip(spec):
    vae, name = fitted("diag", spec)
    sampler = vae.samplers.fitted[name]
    config = json.loads(json.dumps(sampler.get_config()))
    again = type(sampler).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    again.build(None)
    again.set_weights(sampler.get_weights())
    np.testing.assert_array_equal(again().sample(5, seed=[0, 1]), sampler().sample(5, seed=[0, 1]))


@pytest.mark.parametrize(
    ("posterior", "spec"),
    [("diag", spec) for spec in SPECS[:4]]
    + [(posterior, "aggregated") for posterior in ("orthogonal(reflections=1)", "iaf", "hierarchical")],
)
def test_files_hold_it_without_the_data(posterior, spec, tmp_path):
    vae, name = fitted(posterior, spec)
    zoo.save(vae, tmp_path)
    vae.save(tmp_path / "vae.keras")
    for again in (zoo.load(tmp_path), keras.saving.load_model(tmp_path / "vae.keras")):
        assert list(again.samplers.fitted) == [name]
        for got, expected in zip(draws(again, name), draws(vae, name), strict=True):
            np.testing.assert_array_equal(got, expected)
        assert len(again.trainable_variables) == len(vae.trainable_variables)
    again.compile("sgd", run_eagerly=True)
    with pytest.warns(UserWarning, match="samplers were removed"):
        again.fit(data_of(again, 4), epochs=1, verbose=0)
    assert not again.samplers.fitted


def test_weights_alone_go_where_the_same_samplers_are(tmp_path):
    vae, _ = fitted("diag", "gmm(components=2)")
    other, _ = fitted("diag", "gmm(components=2, seed=5)")
    vae.save_weights(tmp_path / "it.weights.h5")
    other.load_weights(tmp_path / "it.weights.h5")
    np.testing.assert_array_equal(draws(other, "gmm")[0], draws(vae, "gmm")[0])
