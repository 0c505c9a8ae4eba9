"""Priors against numpy and scipy in float64."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from reference import assert_mean, dirichlet_kl, mixture_log_density, normal_moments
from scipy import special, stats

import zoo
from zoo import registry
from zoo.mixture import MixtureSameFamily
from zoo.objectives import kl_divergence

tfd = tfp.distributions
FAMILIES = zoo.names("normal")
POSTERIORS = [*FAMILIES, "mixture", "hierarchical(hidden=8)"]


def numbers(*shape, scale=0.5, seed=0):
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def wild(layer, scale=0.5):
    """Gives a layer's weights values far from its initial ones."""
    layer.set_weights([numbers(*w.shape, scale=scale, seed=i) for i, w in enumerate(layer.get_weights())])
    return layer


def prior(spec, latent, dtype="float32", scale=0.5):
    """A built prior of that spec, far from its initial weights."""
    layer = registry.build("prior", spec, event_shape=(latent,), dtype=dtype)
    layer.build((None, 4))
    return wild(layer, scale)


# Mixtures


@pytest.mark.parametrize("name", FAMILIES)
def test_mixture_density_is_the_weighted_sum_of_its_components(name):
    layer = prior({"name": "mixture", "components": 4, "normal": name}, 3)
    logits, loc, raw = layer.get_weights()
    components = [normal_moments(name, np.concatenate(params), 3) for params in zip(loc, raw, strict=True)]
    z = numbers(6, 5, 3, scale=2, seed=9)
    weights, points = special.softmax(np.float64(logits)), np.float64(z).reshape(30, 3)
    expected = mixture_log_density(points, weights, *zip(*components, strict=True)).reshape(6, 5)
    np.testing.assert_allclose(layer().log_prob(z), expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(layer().log_prob(z[0, 0]), expected[0, 0], rtol=2e-5, atol=2e-5)


def fractions(draws, centres, weights):
    """The draws [n, d] come from components at those centres [M, d], far apart, in the fractions of the weights."""
    nearest = np.argmin(np.linalg.norm(draws[:, None] - centres, axis=-1), axis=-1)
    assert_mean(np.eye(len(centres))[nearest], weights)
    assert np.all(np.isin(np.arange(len(centres)), nearest))


WEIGHTS = np.array([0.4, 0.1, 0.3, 0.05, 0.15])
CENTRES = 100 * np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])


@pytest.mark.parametrize("name", FAMILIES)
def test_mixture_draws_draw_the_component(name):
    make = registry.build("normal", name)
    params = np.concatenate([CENTRES, numbers(5, make.size(3) - 3)], axis=-1)
    mixture = MixtureSameFamily(tfd.Categorical(probs=np.float32(WEIGHTS)), make(tf.constant(params), 3))
    z, log_prob = mixture.experimental_sample_and_log_prob(10_000, seed=[1, 2])
    fractions(z.numpy(), CENTRES, WEIGHTS)
    components = zip(*[normal_moments(name, row, 3) for row in params], strict=True)
    np.testing.assert_allclose(log_prob, mixture_log_density(np.float64(z), WEIGHTS, *components), rtol=1e-4, atol=1e-4)


# VampPrior


def vamp_vae(posterior="diag", prior="vamp(components=3)", support="binary", latent=2):
    """A small model of wild weights, its pseudo-inputs left alone."""
    parts = {"posterior": posterior, "prior": prior, "network": "mlp(hidden=(8,))"}
    vae = zoo.build("vamp_vae", (4,), support, latent=latent, **parts)
    wild(vae.encoder)
    wild(vae.posterior)
    return vae


def pseudo_posteriors(vae, layer):
    """The posterior at each pseudo-input, one by one."""
    return [vae.encode(u[None]) for u in layer.pseudo_inputs.numpy()]


def examples(n, support="binary", seed=0):
    rng = np.random.default_rng(seed)
    draw = {
        "binary": lambda shape: rng.integers(0, 2, shape),
        "unit": lambda shape: rng.uniform(0.2, 0.7, shape),
        "levels": lambda shape: rng.integers(0, 256, shape),
        "real": lambda shape: rng.normal(0, 5, shape),
    }
    return draw[support]((n, 4)).astype(np.float32)


@pytest.mark.parametrize("weights", ["equal", "learned"])
@pytest.mark.parametrize("posterior", POSTERIORS)
def test_vamp_density_is_the_mean_over_its_pseudo_inputs(posterior, weights):
    vae = vamp_vae(posterior, f"vamp(components=3, weights='{weights}')")
    logits = np.zeros(3)
    if weights == "learned":
        logits = numbers(3, scale=1)
        vae.prior.logits.assign(logits)
    z = numbers(5, 7, 2, scale=2)
    each = [q.log_prob(z.reshape(-1, 1, 2)).numpy().reshape(5, 7) for q in pseudo_posteriors(vae, vae.prior)]
    expected = special.logsumexp(np.float64(each), axis=0, b=special.softmax(logits)[:, None, None])
    np.testing.assert_allclose(vae.prior(encode=vae.encode).log_prob(z), expected, rtol=2e-5, atol=2e-5)


def test_vamp_of_dirichlets():
    vae = vamp_vae("dirichlet", latent=3)
    z = np.random.default_rng(0).dirichlet(np.ones(3), (5, 7)).astype(np.float32)
    each = [q.log_prob(z.reshape(-1, 1, 3)).numpy().reshape(5, 7) for q in pseudo_posteriors(vae, vae.prior)]
    expected = special.logsumexp(np.float64(each), axis=0) - np.log(3)
    np.testing.assert_allclose(vae.prior(encode=vae.encode).log_prob(z), expected, rtol=2e-5, atol=2e-5)


def vamp_far_apart(posterior, weights):
    """A VampPrior of components far apart, their means and weights."""
    vae = vamp_vae(posterior, f"vamp(components=5, weights='{weights}')", latent=3)
    vae.prior.v.assign(examples(5, "unit"))
    kernel, bias = vae.posterior.get_weights()
    vae.posterior.set_weights([kernel * np.repeat([1e4, 0], [3, kernel.shape[1] - 3]), 0 * bias])
    if weights == "learned":
        vae.prior.logits.assign(np.log(WEIGHTS))
    means = np.concatenate([q.mean() for q in pseudo_posteriors(vae, vae.prior)])
    assert min(np.linalg.norm(means[i] - means[j]) for i in range(5) for j in range(i)) > 20
    return vae.prior(encode=vae.encode), means, WEIGHTS if weights == "learned" else np.full(5, 0.2)


@pytest.mark.parametrize("weights", ["equal", "learned"])
@pytest.mark.parametrize("posterior", FAMILIES)
def test_vamp_draws_draw_the_pseudo_input(posterior, weights):
    p, means, expected = vamp_far_apart(posterior, weights)
    fractions(p.sample(10_000, seed=[1, 2]).numpy(), means, expected)


@pytest.mark.parametrize("weights", ["equal", "learned"])
def test_few_vamp_draws_are_not_of_the_first_pseudo_inputs(weights):
    p, means, expected = vamp_far_apart("diag", weights)
    draw = tf.function(lambda seed: p.sample(2, seed=seed))
    fractions(np.concatenate([draw(tf.constant([i, 0])) for i in range(500)]), means, expected)


def test_vamp_draws_bring_their_density():
    p = (vae := vamp_vae("tril")).prior(encode=vae.encode)
    z, log_prob = p.experimental_sample_and_log_prob([4, 5], seed=[1, 2])
    np.testing.assert_allclose(p.log_prob(z.numpy()), log_prob, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("weights", ["equal", "learned"])
def test_vamp_learns_its_pseudo_inputs_and_weights(weights):
    vae = vamp_vae("tril", f"vamp(weights='{weights}', components=3)")
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(vae.prior(encode=vae.encode).log_prob(numbers(10, 2)))
    assert len(vae.prior.trainable_variables) == (2 if weights == "learned" else 1)
    assert all(np.any(gradient) for gradient in tape.gradient(value, [v.value for v in vae.prior.trainable_variables]))


@pytest.mark.parametrize("spec", ["vamp(components=40)", "hierarchical(prior='vamp(components=40)')"])
def test_vamp_starts_at_distinct_training_examples(spec):
    x = examples(50, "unit")

    def started(options):
        posterior = "hierarchical" if spec.startswith("hierarchical") else "diag"
        vae = vamp_vae(posterior, spec.replace("components=40", f"components=40{options}"), "unit")
        vae.adapt(x)
        return (vae.prior.upper if posterior == "hierarchical" else vae.prior).pseudo_inputs.numpy()

    rows = [np.flatnonzero(np.all(x == u, axis=-1)) for u in started("")]
    assert all(len(row) == 1 for row in rows)
    assert len(np.unique(rows)) == 40
    np.testing.assert_array_equal(started(""), started(", seed=0"))
    assert np.any(started("") != started(", seed=1"))


def test_vamp_starts_with_fewer_examples_than_components():
    vae, x = vamp_vae(prior="vamp(components=9)", support="unit"), examples(2, "unit")
    vae.adapt(x)
    assert all(np.any(np.all(x == u, axis=-1)) for u in vae.prior.pseudo_inputs.numpy())


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(("support", "adapted"), [("unit", True), ("unit", False), ("levels", False), ("real", True)])
def test_vamp_pseudo_inputs_stay_in_the_range_of_the_data(support, adapted, optimizer):
    vae, x = vamp_vae(prior="vamp(components=20)", support=support), examples(60, support)
    low, high = {"unit": (0, 1), "levels": (0, 255), "real": (x.min(), x.max())}[support]
    if adapted:
        vae.adapt(x)
    before = vae.prior.pseudo_inputs.numpy()
    for part in (vae.encoder, vae.posterior, vae.decoder, vae.likelihood):
        part.trainable = False  # their weights would run off at such a rate
    vae.compile(optimizer, run_eagerly=True)
    vae.optimizer.learning_rate = 100.0
    vae.fit(x, epochs=2, batch_size=20, shuffle=False, verbose=0)
    after = vae.prior.pseudo_inputs.numpy()
    assert np.mean(before != after) > 0.9
    assert after.min() >= low
    assert after.max() <= high
    assert np.any((after == low) | (after == high))  # it was held back


def test_vamp_pseudo_inputs_start_all_over_the_range_of_the_support():
    levels = vamp_vae(prior="vamp(components=20)", support="levels").prior.pseudo_inputs.numpy()
    assert levels.min() < 30
    assert levels.max() > 225


@pytest.mark.parametrize("components", [0, -1, 1.5, "3", True])
def test_vamp_refuses_impossible_components(components):
    with pytest.raises(ValueError, match="components"):
        registry.build("prior", {"name": "vamp", "components": components}, event_shape=(2,))


@pytest.mark.parametrize("spec", ["mixture(components=3)", "vamp(components=3)", "maf", "hierarchical"])
@pytest.mark.parametrize("posterior", ["diag", "tril", "low_rank", "orthogonal"])
def test_kl_without_a_closed_form_is_estimated_from_draws(spec, posterior):
    vae = vamp_vae(posterior, spec)
    q, p = vae.encode(examples(3)), vae.prior(encode=vae.encode)
    z = q.sample(4, seed=[0, 0])
    log_qz, log_pz = q.log_prob(z), p.log_prob(z)
    kl = kl_divergence(q, p, log_qz, log_pz)
    assert kl.shape == (3, 1)
    np.testing.assert_allclose(kl[:, 0], np.mean(log_qz - log_pz, axis=0), rtol=1e-6)


# Masked autoregressive flow


def test_maf_density_is_the_change_of_variables():
    layer, z = prior("maf(steps=3, hidden=16)", 3, "float64"), np.float64(numbers(20, 3, scale=1))
    x, log_det = tf.constant(z), 0
    for network in reversed(layer.networks):
        with tf.GradientTape() as tape:
            tape.watch(x)
            shift, raw_scale = network(x)
            moved = (tf.nn.softplus(raw_scale + np.log(np.expm1(0.9))) + 0.1) * x + shift
        log_det += np.linalg.slogdet(tape.batch_jacobian(moved, x).numpy())[1]
        x = moved
    expected = stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(x.numpy()) + log_det
    np.testing.assert_allclose(layer().log_prob(z), expected, rtol=1e-9)


@pytest.mark.parametrize("latent", [1, 3, 20])
def test_maf_density_of_a_point_is_that_of_the_draw(latent):
    layer = prior("maf", latent, "float64", scale=0.2)
    z, log_prob = layer().experimental_sample_and_log_prob([4, 5], seed=[1, 2])
    assert z.shape == (4, 5, latent)
    np.testing.assert_allclose(layer().log_prob(z.numpy()), log_prob, rtol=1e-8)


def test_maf_draws_come_from_the_normal():
    layer = prior("maf(steps=2, hidden=16)", 3, "float64")
    z0 = layer().bijector.inverse(tf.identity(layer().sample(20_000, seed=[1, 2]).numpy())).numpy()
    assert_mean(z0, 0)
    assert_mean(z0[:, :, None] * z0[:, None], np.eye(3))


# Dirichlet


@pytest.mark.parametrize("concentration", [0.3, 0.98, 1, 5])
def test_dirichlet_density(concentration):
    p = prior(f"dirichlet(concentration={concentration})", 4, "float64")()
    z = np.random.default_rng(0).dirichlet(np.ones(4), 10)
    expected = [stats.dirichlet(np.full(4, concentration)).logpdf(point) for point in z]
    np.testing.assert_allclose(p.log_prob(z), expected, rtol=1e-9)
    q = registry.build("prior", "dirichlet(concentration=2.5)", event_shape=(4,), dtype="float64")()
    kl = dirichlet_kl(np.full(4, 2.5), np.full(4, float(concentration)))
    np.testing.assert_allclose(kl_divergence(q, p, None, None)[0], kl, rtol=1e-9)


@pytest.mark.parametrize("concentration", [0.01, 0.1])
@pytest.mark.parametrize("latent", [2, 50])
def test_dirichlet_draws_stay_inside(concentration, latent):
    p = prior(f"dirichlet(concentration={concentration})", latent)()
    z, log_prob = p.experimental_sample_and_log_prob(20_000, seed=[1, 2])
    assert z.numpy().min() > 0
    np.testing.assert_allclose(np.sum(z, axis=-1), 1, rtol=1e-4)
    assert np.all(np.isfinite(log_prob))
    assert_mean(z.numpy().astype(np.float64), 1 / latent)


@pytest.mark.parametrize("concentration", [0, -1, float("inf"), float("nan"), "1", True, None])
def test_dirichlet_refuses_impossible_concentrations(concentration):
    with pytest.raises(ValueError, match="concentration"):
        registry.build("prior", {"name": "dirichlet", "concentration": concentration}, event_shape=(3,))


def test_dirichlet_of_one_category_is_refused():
    with pytest.raises(ValueError, match="2 or more"):
        registry.build("prior", "dirichlet", event_shape=(1,))


# Hierarchical


@pytest.mark.parametrize("normal", FAMILIES)
@pytest.mark.parametrize(("options", "sizes"), [("", (2, 3)), (", top=4", (4, 1))])
@pytest.mark.parametrize("upper", ["standard", "mixture(components=3)", "maf"])
def test_hierarchical_density_is_that_of_its_layers(upper, normal, options, sizes):
    layer = prior(f"hierarchical(prior='{upper}', normal='{normal}', hidden=8{options})", 5, "float64", scale=0.3)
    assert layer.sizes == sizes
    z = np.float64(numbers(4, 6, 5, scale=1))
    z2, z1 = (tf.constant(part.reshape(24, -1)) for part in np.split(z, sizes[:1], axis=-1))
    lower = layer.lower(layer.gated[1](layer.gated[0](z2)))
    expected = layer.upper().log_prob(z2) + lower.log_prob(z1)
    np.testing.assert_allclose(layer().log_prob(z), np.reshape(expected, (4, 6)), rtol=1e-9)


@pytest.mark.parametrize("shape", [[], [7], [7, 2]])
@pytest.mark.parametrize("upper", ["tril", "mixture(components=3)"])
def test_hierarchical_density_of_a_point_is_that_of_the_draw(shape, upper):
    p = prior(f"hierarchical(prior='{upper}', hidden=8)", 5, "float64")()
    z, log_prob = p.experimental_sample_and_log_prob(shape, seed=[1, 2])
    assert z.shape == (*shape, 5)
    np.testing.assert_allclose(p.log_prob(z.numpy()), log_prob, rtol=1e-9)


def test_vamp_on_the_upper_layer_is_the_mixture_of_its_posteriors():
    vae = vamp_vae("hierarchical(hidden=8)", "hierarchical(prior='vamp(components=3)', hidden=8)", latent=5)
    p, z = vae.prior(encode=vae.encode), numbers(6, 7, 5, scale=1)
    z2, z1 = np.split(z.reshape(-1, 5), [2], axis=-1)
    each = [q.top.log_prob(z2) for q in pseudo_posteriors(vae, vae.prior.upper)]
    upper = special.logsumexp(np.float64(each), axis=0) - np.log(3)
    lower = vae.prior.lower(vae.prior.gated[1](vae.prior.gated[0](z2))).log_prob(z1)
    np.testing.assert_allclose(p.log_prob(z), np.reshape(upper + lower, (6, 7)), rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(p.top.log_prob(z2), upper, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("spec", ["hierarchical(hidden=8)", "maf"])
def test_moments_from_draws_are_within_their_error(spec):
    p = prior(spec, 4, scale=0.2)()
    z = p.sample(50_000, seed=[1, 2]).numpy()
    error = z.std(axis=0) * np.sqrt(1 / 256 + 1 / 50_000)
    assert np.all(np.abs(p.mean() - z.mean(axis=0)) < 5 * error)
    assert np.all(np.abs(p.stddev() / z.std(axis=0) - 1) < 0.3)
