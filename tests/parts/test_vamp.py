"""The VampPrior: the mixture of the posterior at pseudo-inputs, which start at data and stay in their range."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

import zoo
from tests.models.layers import singles
from tests.models.vamp_models import examples, pseudo_posteriors, vamp_vae
from tests.shared.reference import assert_fractions
from zoo import registry

pytestmark = pytest.mark.slow

FAMILIES = zoo.names("normal")
WEIGHTS = np.array([0.4, 0.1, 0.3, 0.05, 0.15])
POSTERIORS = [*FAMILIES, "mixture", "hierarchical(hidden=8)"]


@pytest.mark.parametrize("weights", ["equal", "learned"])
@pytest.mark.parametrize("posterior", POSTERIORS)
def test_density_is_the_mean_over_its_pseudo_inputs(posterior, weights):
    vae = vamp_vae(posterior, f"vamp(components=3, weights='{weights}')")
    logits = np.zeros(3)
    if weights == "learned":
        logits = singles(3, scale=1)
        vae.prior.logits.assign(logits)
    z = singles(5, 7, 2, scale=2)
    each = [q.log_prob(z.reshape(-1, 1, 2)).numpy().reshape(5, 7) for q in pseudo_posteriors(vae, vae.prior)]
    expected = special.logsumexp(np.float64(each), axis=0, b=special.softmax(logits)[:, None, None])
    np.testing.assert_allclose(vae.prior(encode=vae.posterior_at).log_prob(z), expected, rtol=2e-5, atol=2e-5)


def test_of_dirichlets():
    vae = vamp_vae("dirichlet", latent=3)
    z = np.random.default_rng(0).dirichlet(np.ones(3), (5, 7)).astype(np.float32)
    each = [q.log_prob(z.reshape(-1, 1, 3)).numpy().reshape(5, 7) for q in pseudo_posteriors(vae, vae.prior)]
    expected = special.logsumexp(np.float64(each), axis=0) - np.log(3)
    np.testing.assert_allclose(vae.prior(encode=vae.posterior_at).log_prob(z), expected, rtol=2e-5, atol=2e-5)


def vamp_far_apart(posterior, weights):
    """A VampPrior of components far apart, their means and weights."""
    vae = vamp_vae(posterior, f"vamp(components=5, weights='{weights}')", latent=3)
    vae.prior.unit_pseudo_inputs.assign(examples(5, "unit"))
    kernel, bias = vae.posterior.get_weights()
    vae.posterior.set_weights([kernel * np.repeat([1e4, 0], [3, kernel.shape[1] - 3]), 0 * bias])
    if weights == "learned":
        vae.prior.logits.assign(np.log(WEIGHTS))
    means = np.concatenate([q.mean() for q in pseudo_posteriors(vae, vae.prior)])
    assert min(np.linalg.norm(means[i] - means[j]) for i in range(5) for j in range(i)) > 20
    return vae.prior(encode=vae.posterior_at), means, WEIGHTS if weights == "learned" else np.full(5, 0.2)


@pytest.mark.parametrize("weights", ["equal", "learned"])
@pytest.mark.parametrize("posterior", FAMILIES)
def test_draws_draw_the_pseudo_input(posterior, weights):
    p, means, expected = vamp_far_apart(posterior, weights)
    assert_fractions(p.sample(10_000, seed=[1, 2]).numpy(), means, expected)


@pytest.mark.parametrize("weights", ["equal", "learned"])
def test_few_vamp_draws_are_not_of_the_first_pseudo_inputs(weights):
    p, means, expected = vamp_far_apart("diag", weights)
    draw = tf.function(lambda seed: p.sample(2, seed=seed))
    assert_fractions(np.concatenate([draw(tf.constant([i, 0])) for i in range(500)]), means, expected)


def test_draws_bring_their_density():
    p = (vae := vamp_vae("tril")).prior(encode=vae.posterior_at)
    z, log_prob = p.experimental_sample_and_log_prob([4, 5], seed=[1, 2])
    np.testing.assert_allclose(p.log_prob(z.numpy()), log_prob, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("weights", ["equal", "learned"])
def test_learns_its_pseudo_inputs_and_weights(weights):
    vae = vamp_vae("tril", f"vamp(weights='{weights}', components=3)")
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(vae.prior(encode=vae.posterior_at).log_prob(singles(10, 2)))
    assert len(vae.prior.trainable_variables) == (2 if weights == "learned" else 1)
    assert all(np.any(gradient) for gradient in tape.gradient(value, [v.value for v in vae.prior.trainable_variables]))


@pytest.mark.parametrize("spec", ["vamp(components=40)", "hierarchical(prior='vamp(components=40)')"])
def test_starts_at_distinct_training_examples(spec):
    x = examples(50, "unit")

    def started(options):
        posterior = "hierarchical" if spec.startswith("hierarchical") else "diag"
        vae = vamp_vae(posterior, spec.replace("components=40", f"components=40{options}"), "unit")
        vae.adapt(x)
        return vae.prior.pseudo_inputs.numpy()

    rows = [np.flatnonzero(np.all(x == u, axis=-1)) for u in started("")]
    assert all(len(row) == 1 for row in rows)
    assert len(np.unique(rows)) == 40
    np.testing.assert_array_equal(started(""), started(", seed=0"))
    assert np.any(started("") != started(", seed=1"))


def test_starts_with_fewer_examples_than_components():
    vae, x = vamp_vae(prior="vamp(components=9)", support="unit"), examples(2, "unit")
    vae.adapt(x)
    assert all(np.any(np.all(x == u, axis=-1)) for u in vae.prior.pseudo_inputs.numpy())


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(("support", "adapted"), [("unit", True), ("unit", False), ("levels", False), ("real", True)])
def test_pseudo_inputs_stay_in_the_range_of_the_data(support, adapted, optimizer):
    vae, x = vamp_vae(prior="vamp(components=20)", support=support), examples(60, support)
    low, high = {"unit": (0, 1), "levels": (0, 255), "real": (x.min(), x.max())}[support]
    if adapted:
        vae.adapt(x)
    before = vae.prior.pseudo_inputs.numpy()
    for part in (vae.encoder, vae.posterior, vae.decoder, vae.likelihood):
        part.trainable = False  # their weights would run off at such a rate
    vae.compile(optimizer, run_eagerly=True)
    vae.optimizer.learning_rate = 100.0
    vae.fit(x, batch_size=30, shuffle=False, verbose=0)
    after = vae.prior.pseudo_inputs.numpy()
    assert np.mean(before != after) > 0.9
    assert after.min() >= low
    assert after.max() <= high
    assert np.any((after == low) | (after == high))  # it was held back


def test_pseudo_inputs_start_all_over_the_range_of_the_support():
    levels = vamp_vae(prior="vamp(components=20)", support="levels").prior.pseudo_inputs.numpy()
    assert levels.min() < 30
    assert levels.max() > 225


@pytest.mark.parametrize("components", [0, -1, 1.5, "3", True])
def test_refuses_impossible_components(components):
    with pytest.raises(ValueError, match="components"):
        registry.build("prior", {"name": "vamp", "components": components}, event_shape=(2,))


@pytest.mark.parametrize("prior", ["vamp(components=40)", "hierarchical(prior='vamp(components=40)', hidden=4)"])
def test_pseudo_inputs_leave_no_trace_in_the_encoder(prior):
    dense = keras.layers.Dense(5, activity_regularizer=keras.regularizers.L2(1.0))
    encoder = keras.Sequential([keras.Input((4,)), dense, keras.layers.BatchNormalization(momentum=0.0)])
    posterior = "hierarchical(hidden=4)" if "hierarchical" in prior else "diag"
    parts = {"posterior": posterior, "prior": prior, "network": "mlp(hidden=(5,))", "encoder": encoder}
    vae, x = zoo.build("vamp_vae", (4,), "real", latent=4, **parts), examples(50, "real")
    vae.adapt(x)
    vae.compile(keras.optimizers.SGD(0.0))
    logs = vae.fit(x, batch_size=50, verbose=0).history
    features = dense(vae.likelihood.standardize(x)).numpy()
    _, normalization = encoder.layers
    np.testing.assert_allclose(normalization.moving_mean, features.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(normalization.moving_variance, features.var(axis=0), rtol=1e-4)
    penalty = logs["loss"][0] - logs["reconstruction"][0] - logs["kl"][0]
    assert penalty == pytest.approx(np.sum(features**2) / 50, rel=1e-3)  # once, as Keras has it: a mean over examples
