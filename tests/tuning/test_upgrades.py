"""Another posterior or prior starts where the trained one was, and training takes it further."""

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.contract.parts import specs
from tests.models.layers import wild
from zoo.distributions.moments import MomentsFromDraws
from zoo.objectives.objective import sample_posterior, sample_posterior_strata
from zoo.probability import tfd
from zoo.registry import build

LATENT, FEATURES, SHAPE = 3, 5, (8,)
H = np.random.default_rng(0).normal(size=(6, FEATURES)).astype(np.float32)
X = (np.random.default_rng(1).random((256, 8)) > 0.5).astype(np.float32)


def built(spec, features=FEATURES, latent=LATENT):
    layer = build("posterior", spec, event_shape=(latent,))
    layer.build((None, features))
    return layer


def has_diagonal(spec):
    return spec != "diag" and built(spec).from_diagonal() is not None


UPGRADES = [spec for spec in specs("posterior") if has_diagonal(spec)]
FEW = ["mixture", "orthogonal(reflections=1)"]  # cannot reach every covariance
EXACT = ["iaf", "orthogonal", "orthogonal(reflections=1)", "std_corr", "tril"]


def upgraded(spec):
    """A diagonal posterior far from its initial weights, and another started from it."""
    old, new = wild(built("diag")), built(spec)
    assert new.start_from(old)
    return old, new


def test_every_pair_of_the_issue_is_there():
    assert {"tril", "std_corr", "low_rank", "orthogonal", "mixture", "iaf"} <= set(UPGRADES)


@pytest.mark.parametrize("spec", UPGRADES)
def test_q_is_the_same(spec):
    old, new = (layer(H) for layer in upgraded(spec))
    if isinstance(new, MomentsFromDraws):
        z = old.sample(7, seed=[1, 2])
        np.testing.assert_allclose(new.sample(7, seed=[1, 2]), z, atol=1e-6)  # the flow is the identity
        return
    np.testing.assert_allclose(new.mean(), old.mean(), atol=0 if spec in EXACT else 4e-3)
    covariance, expected = np.float64(new.covariance()), np.float64(old.covariance())
    np.testing.assert_allclose(covariance, expected, atol=1e-6 if spec in EXACT else 2e-5)


@pytest.mark.parametrize("spec", ["tril", "std_corr"])
def test_draws_and_densities_are_the_same(spec):
    old, new = (layer(H) for layer in upgraded(spec))
    z = old.sample(5, seed=[3, 4])
    np.testing.assert_allclose(new.sample(5, seed=[3, 4]), z, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(new.log_prob(z), old.log_prob(z), atol=1e-4)


def fitted(layer, steps=300):
    """KL(q ‖ N(0, Σ)), estimated, after training towards a correlated Σ, which no diagonal q reaches."""
    scale = np.float32(np.linalg.cholesky(0.9 * np.ones((LATENT, LATENT)) + 0.1 * np.eye(LATENT)))
    target, adam = tfd.MultivariateNormalTriL(tf.zeros(LATENT), scale), zoo.Adam(0.02)
    adam.build(layer.trainable_weights)
    sample = sample_posterior_strata if layer.has_strata else sample_posterior

    @tf.function
    def step(seed):
        with tf.GradientTape() as tape:
            _, z, log_q, log_weights = sample(layer, tf.constant(H), seed, 8)
            weights = 1 / 8 if log_weights is None else tf.exp(log_weights)
            kl = tf.reduce_mean(tf.reduce_sum(weights * (log_q - target.log_prob(z)), axis=0))
        adam.apply(tape.gradient(kl, layer.trainable_weights), layer.trainable_weights)
        return kl

    return np.mean([step(tf.constant([0, i])) for i in range(steps)][-50:])


@pytest.fixture(scope="module")
def best_diagonal():
    return fitted(wild(built("diag")))


@pytest.mark.slow
@pytest.mark.parametrize("spec", [spec for spec in UPGRADES if spec != "mixture(components=1)"])  # it is diagonal
def test_training_leaves_the_start(spec, best_diagonal):
    _, new = upgraded(spec)
    assert fitted(new) < best_diagonal - (0.05 if spec in FEW else 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["tril", "std_corr"])
def test_a_model_starts_at_the_same_elbo(tmp_path, spec, capsys):
    vae = zoo.build("diag_vae", SHAPE, "binary", latent=LATENT, network="mlp(hidden=(6,))")
    vae.compile(zoo.Adam(0.01))
    vae.fit(X, epochs=3, verbose=0)
    vae.save_to_preset(tmp_path / "diag")
    new = zoo.VAE.from_preset(tmp_path / "diag", posterior=spec)
    assert new.origin.weights["posterior"] == "upgraded"
    assert "posterior upgraded" in capsys.readouterr().out
    seed = tf.constant([5, 6])
    old, found = (model.terms(X, 3, seed) for model in (vae, new))
    for name in ("log_px", "log_pz", "log_qz"):
        np.testing.assert_allclose(getattr(found, name), getattr(old, name), atol=1e-4)
    np.testing.assert_allclose(tf.reduce_sum(found.kl, -1), tf.reduce_sum(old.kl, -1), atol=1e-4)


def test_hierarchical_posteriors_upgrade_both_layers():
    old, new = wild(built("hierarchical", latent=4)), built("hierarchical(normal='tril')", latent=4)
    assert new.start_from(old)
    np.testing.assert_allclose(new(H).sample(3, seed=[1, 2]), old(H).sample(3, seed=[1, 2]), atol=1e-5)
    assert not built("hierarchical(normal='tril', top_size=1)", latent=4).start_from(old)


@pytest.mark.parametrize("spec", ["tril", "low_rank", "mixture"])
def test_other_shapes_and_families_start_new(spec):
    new = built(spec)
    before = new.get_weights()
    for old in (built("diag", features=FEATURES + 1), built("diag", latent=LATENT + 1), built("dirichlet")):
        assert not new.start_from(old)
    for weight, expected in zip(new.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize(("old", "new"), [("standard", "diag"), ("standard", "tril"), ("diag", "tril")])
def test_learned_normal_priors_start_at_the_old_one(old, new):
    old, new = (build("prior", spec, event_shape=(LATENT,)) for spec in (old, new))
    for layer in (old, new):
        layer.build((None, *SHAPE))
    wild(old)
    assert new.start_from(old)
    z = np.random.default_rng(0).normal(size=(5, LATENT)).astype(np.float32)
    np.testing.assert_allclose(new().log_prob(z), old().log_prob(z), atol=1e-5)


@pytest.mark.parametrize("spec", ["vamp(components=3)", "mixture", "maf", "standard"])
def test_other_priors_start_new(spec):
    old, new = (build("prior", s, event_shape=(LATENT,)) for s in ("diag", spec))
    assert not new.start_from(old)
