"""FittedSamplers of a trained model: what they are fitted to, what they are called, and when they go."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats
from sklearn import mixture

import zoo
from tests.shared.reference import assert_mean
from training.data import load_dataset

pytestmark = pytest.mark.slow

tfd = tfp.distributions
L = 3


@pytest.fixture(scope="module")
def x():
    return load_dataset("digits").train[:500]


def model(name="diag_vae", spread=15, **parts):
    """An untrained model whose posteriors are far apart."""
    vae = zoo.build(name, (8, 8, 1), "unit", latent=L, network="gated_mlp(hidden=(16, 16))", **parts)
    kernel, bias = vae.posterior.params.get_weights()
    vae.posterior.params.set_weights([kernel * np.where(np.arange(len(bias)) < L, spread, 2), bias])
    return vae


def add(vae, x, *specs):
    """The model with samplers."""
    for spec in specs:
        vae.add_sampler(spec, x, progress=False)
    return vae


def points(n=40):
    return np.random.default_rng(0).normal(0, 2, (n, L)).astype(np.float32)


def test_the_aggregated_sampler_is_the_aggregated_posterior(x):
    vae, z = add(model("tril_vae"), x, "aggregated"), points()
    q, expected = vae.latent_distribution("aggregated"), zoo.aggregated_posterior(vae, x, progress=False)
    np.testing.assert_allclose(q.log_prob(z), expected.log_prob(z), rtol=1e-6)
    np.testing.assert_array_equal(q.sample(5, seed=[0, 1]), expected.sample(5, seed=[0, 1]))
    add(vae, x, "aggregated(subsample=50, seed=3)")
    expected = zoo.aggregated_posterior(vae, x, subsample=50, seed=3, progress=False)
    np.testing.assert_allclose(vae.latent_distribution("aggregated").log_prob(z), expected.log_prob(z), rtol=1e-6)


def test_the_compressed_sampler_is_the_compressed_posterior(x):
    vae, z = model("tril_vae"), points()
    sampler = vae.add_sampler("compressed(components=12, seed=3)", x, progress=False)
    q, expected = vae.latent_distribution("compressed"), zoo.aggregated_posterior(vae, x, compress=12, seed=3)
    np.testing.assert_allclose(q.log_prob(z), expected.log_prob(z), rtol=1e-5, atol=1e-5)
    assert (sampler.kl, sampler.kl_standard_error) == pytest.approx((expected.kl, expected.kl_standard_error), abs=1e-5)
    add(vae, x[:4], "compressed")  # of fewer examples than components: one of each
    aggregated = zoo.aggregated_posterior(vae, x[:4], progress=False)
    np.testing.assert_allclose(vae.latent_distribution("compressed").log_prob(z), aggregated.log_prob(z), rtol=1e-4)


@pytest.mark.parametrize("components", [3, 40])
def test_the_mixture_of_normals_is_scikit_learns(x, components, monkeypatch):
    fitted, fit = [], mixture.GaussianMixture.fit
    monkeypatch.setattr(mixture.GaussianMixture, "fit", lambda self, z: fitted.append((self, z)) or fit(self, z))
    vae, z = add(model(), x, f"gmm(components={components})"), points()
    (theirs, draws), q = fitted[0], vae.latent_distribution("gmm")
    np.testing.assert_allclose(q.log_prob(z), theirs.score_samples(np.float64(z)), rtol=1e-5, atol=2e-4)
    np.testing.assert_allclose(q.log_prob(draws), theirs.score_samples(draws), rtol=1e-5, atol=2e-4)
    # One draw of each posterior.
    means, scales = (np.float64(t) for t in (vae.encode(x).mean(), vae.encode(x).stddev()))
    noise = (draws - means) / scales
    assert_mean(noise, 0)
    assert_mean(noise[:, :, None] * noise[:, None], np.eye(L))
    ours = np.float64(q.sample(20_000, seed=[1, 2]))
    assert_mean(ours, theirs.weights_ @ theirs.means_)


def test_too_few_examples_are_refused_by_name(x):
    vae = model()
    with pytest.raises(ValueError, match=r"Expected 21 examples or more .* got 20"):
        add(vae, x[:20], "gmm(components=21)")
    with pytest.raises(ValueError, match="subsample to be a whole number, from 1 to 20, got 21"):
        add(vae, x[:20], "aggregated(subsample=21)")
    assert not vae.samplers.fitted


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("nix", KeyError, "No sampler 'nix'. Known: aggregated, compressed, gmm"),
        ("gmm(size=3)", ValueError, "no option 'size'. It has: components, seed"),
        ("gmm(components=0)", ValueError, "components to be a whole number"),
        ("compressed(components=1.5)", ValueError, "components to be a whole number"),
        ("aggregated(subsample=0)", ValueError, "subsample to be a whole number"),
        ("aggregated(seed=-1)", ValueError, "seed"),
        (3, ValueError, "a name, a spec or a layer"),
    ],
)
def test_what_is_no_sampler_is_refused(x, spec, error, message):
    with pytest.raises(error, match=message):
        add(model(), x, spec)


def test_data_of_another_model_are_refused(x):
    for data, message in ((x[:, :4], "Expected data of shape"), (x[:0], "at least one"), (x * np.nan, "NaN")):
        with pytest.raises(ValueError, match=message):
            add(model(), data, "aggregated")


def test_an_unknown_source_names_what_there_is(x):
    vae = add(model(), x, "gmm(components=2)")
    with pytest.raises(KeyError, match=r"No sampler 'nix' in this model. It has: prior, gmm\. Fit one of aggregated"):
        vae.generate(2, sampler="nix")
    with pytest.raises(KeyError, match="'aggregated' in this model"):
        vae.latent_distribution("aggregated")
    assert vae.latent_distribution().event_shape == (L,)


@pytest.mark.parametrize("posterior", ["gmm(components=2)", "compressed(components=2)"])
def test_normals_do_not_fit_a_simplex(x, posterior):
    vae = zoo.build("dirichlet_vae", (8, 8, 1), "unit", latent=L, network="mlp(hidden=(8,))")
    with pytest.raises(ValueError, match=r"'(gmm|compressed)' is incompatible.*dirichlet.*simplex.*Use 'aggregated'"):
        add(vae, x, posterior)
    z = add(vae, x, "aggregated").latent_distribution("aggregated").sample(9, seed=[0, 1])
    np.testing.assert_allclose(np.sum(z, axis=-1), 1, rtol=1e-5)


def test_a_distribution_will_do_if_it_has_the_shape():
    vae = model()
    point = np.float32([[1, -1, 2]])
    there = tfd.MultivariateNormalDiag(point[0], np.full(L, 1e-6, np.float32))
    np.testing.assert_allclose(vae.generate(2, sampler=there), np.repeat(vae.decode(point).mean(), 2, 0), atol=1e-4)
    for shape in ([2], [5, L], []):
        wrong = tfd.MultivariateNormalDiag(tf.zeros(shape)) if shape else tfd.Normal(0.0, 1.0)
        with pytest.raises(ValueError, match=r"event shape \[3\], got"):
            vae.generate(2, sampler=wrong)


def vamp():
    """A model whose three-dimensional pseudo-posteriors are sharp, and their means [20, 3]."""
    vae = model("vamp_vae", spread=200, prior="vamp(components=20)")
    kernel, _ = vae.posterior.params.get_weights()
    vae.posterior.params.set_weights([kernel * np.repeat([1, 0], L), np.repeat([0.0, -4], L)])
    return vae, vae.posterior_at(vae.prior.pseudo_inputs).mean().numpy()


def test_every_pseudo_input_of_a_vamp_prior_is_drawn_as_often():
    vae, means = vamp()
    assert np.min(np.linalg.norm(means[:, None] - means, axis=-1) + 9 * np.eye(20)) > 0.3  # 15 standard deviations
    draw = tf.function(lambda seed: vae.latent_distribution("vamp").sample(2, seed=seed))  # two, of twenty
    z = np.concatenate([draw(tf.constant([i, 0])) for i in range(1_000)])
    nearest = np.argmin(np.linalg.norm(z[:, None] - means, axis=-1), axis=-1)
    # By chance, this fails once in a million.
    assert stats.chisquare(np.bincount(nearest, minlength=20)).pvalue > 1e-6


def test_generated_are_decoded_from_the_pseudo_inputs():
    vae, _ = vamp()
    np.testing.assert_array_equal(vae.generate(5, seed=3, sampler="vamp"), vae.generate(5, seed=3, sampler="prior"))


@pytest.mark.parametrize(
    ("name", "prior", "there"),
    [
        ("diag_vae", "standard", False),
        ("diag_vae", "mixture(components=3)", False),
        ("vamp_vae", "vamp(components=3)", True),
    ],
)
def test_vamp_is_there_where_the_prior_is_made_of_posteriors(name, prior, there):
    vae = model(name, prior=prior)
    if there:
        assert vae.generate(2, sampler="vamp").shape == (2, 8, 8, 1)
    else:
        with pytest.raises(KeyError, match=r"'vamp' in this model\. It has: prior"):
            vae.generate(2, sampler="vamp")


def test_training_on_takes_the_samplers_away(x, recwarn):
    vae = add(model(), x, "gmm(components=2)", "aggregated(subsample=9)")
    vae.compile("sgd", run_eagerly=True)
    with pytest.warns(UserWarning, match=r"samplers were removed: gmm, aggregated\. Add them again"):
        vae.fit(x[:20], epochs=1, verbose=0)
    with pytest.raises(KeyError, match="It has: prior"):
        vae.generate(2, sampler="gmm")
    recwarn.clear()
    vae.fit(x[:20], epochs=1, verbose=0)
    assert not any("samplers" in str(warning.message) for warning in recwarn)
    assert add(vae, x, "gmm(components=2)").generate(2, sampler="gmm").shape == (2, 8, 8, 1)


def test_the_same_name_again_replaces(x, tmp_path):
    vae, once = add(model(), x, "gmm(components=2)", "gmm(components=5)"), add(model(), x, "gmm(components=5)")
    assert list(vae.samplers.fitted) == ["gmm"]
    assert vae.latent_distribution("gmm").components_distribution.batch_shape == (5,)
    zoo.save(vae, tmp_path)
    loaded = zoo.load(tmp_path)
    np.testing.assert_array_equal(loaded.generate(3, 1, "gmm"), vae.generate(3, 1, "gmm"))
    assert len(loaded.weights) == len(vae.weights) == len(once.weights)


def test_their_order_does_not_matter_for_what_is_loaded(x, tmp_path):
    specs, vae = ["gmm(components=2)", "aggregated(subsample=30)", "compressed(components=4)"], model()
    for i, order in enumerate((specs, specs[::-1])):
        vae.samplers.fitted.clear()
        zoo.save(add(vae, x[:50], *order), tmp_path / str(i))
        loaded = zoo.load(tmp_path / str(i))
        for name in ("prior", "gmm", "aggregated", "compressed"):
            np.testing.assert_array_equal(loaded.generate(4, 1, name), vae.generate(4, 1, name))


@pytest.mark.parametrize("name", ["aggregated", "gmm", "compressed"])
def test_seeds(x, name):
    options = "subsample=50" if name == "aggregated" else "components=5"
    vae, z = model(), points()

    def density(seed):
        return add(vae, x[:100], f"{name}({options}, seed={seed})").latent_distribution(name).log_prob(z).numpy()

    first = density(1)
    assert np.abs(density(0) - first).max() > 1e-3
    np.testing.assert_array_equal(density(1), first)
    np.testing.assert_array_equal(vae.generate(5, 7, name), vae.generate(5, 7, name))
    assert np.all(np.any(vae.generate(5, 7, name) != vae.generate(5, 8, name), axis=(1, 2, 3)))
    assert np.any(vae.generate(5, sampler=name) != vae.generate(5, sampler=name))
