"""Importance-weighted bounds, and their doubly reparameterised gradient taken apart."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from reference import NaiveVAE, assert_mean, log_sum_exp, normal_kl
from scipy import special
from test_linear_gaussian import exact, inverse_positive, linear_vae, model

import zoo
from zoo.objectives import IWAE, DReG, Terms
from zoo.posteriors import MultivariateNormalDiag, MultivariateNormalTriL
from zoo.registry import build

D, L, B, SIGMA = 3, 2, 4, 0.8
PARTS = ("encoder", "posterior", "prior", "decoder", "likelihood")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, D))


def small_vae(objective, posterior="diag", prior="standard", dtype="float64"):
    """A VAE of the shape of `NaiveVAE`, its weights far from their initial ones."""
    vae = zoo.VAE(
        encoder=keras.Sequential([keras.Input((D,), dtype=dtype), keras.layers.Dense(3, "tanh", dtype=dtype)]),
        posterior=build("posterior", posterior, event_shape=(L,), dtype=dtype),
        prior=build("prior", prior, event_shape=(L,), dtype=dtype),
        decoder=keras.Sequential([keras.Input((L,), dtype=dtype), keras.layers.Dense(3, dtype=dtype)]),
        likelihood=build("likelihood", {"name": "normal", "scale": SIGMA}, event_shape=(D,), dtype=dtype),
        objective=build("objective", objective, dtype=dtype),
        dtype=dtype,
    )
    rng = np.random.default_rng(1)
    for part in PARTS:
        layer = getattr(vae, part)
        layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    return vae


def naive(vae):
    """The same model in numpy."""
    tril = isinstance(vae.posterior, MultivariateNormalTriL)
    positions = tfp.math.fill_triangular(np.arange(L * (L + 1) // 2)).numpy() if tril else None
    return NaiveVAE({part: getattr(vae, part).get_weights() for part in PARTS}, L, SIGMA, positions)


def gradients(vae, *parts, x=X, sample_weight=None):
    """The terms of one step and the gradient of its loss in the weights of some parts."""
    weights = [w for part in parts for w in getattr(vae, part).trainable_variables]
    with tf.GradientTape() as tape:
        terms = vae(x)
        loss = vae.compute_loss(x=x, y_pred=terms, sample_weight=sample_weight)
    return terms, tape.gradient(loss, weights)


def flat(tensors):
    return np.concatenate([np.ravel(t) for t in tensors])


def bounds(terms, samples):
    """`IWAE`'s bound, of draws taken K at a time [draws / K, B]."""
    shape = [samples, terms.log_px.shape[0] // samples * terms.log_px.shape[1]]
    grouped = [tf.reshape(t, shape) for t in (terms.log_px, terms.log_pz, terms.log_qz)]
    layer = IWAE(samples=samples, dtype="float64")
    layer.build()
    return layer(Terms(*grouped, kl=None, z=None, aggregate=None)).numpy().reshape(-1, terms.log_px.shape[1])


def terms_of(log_px, log_pz, log_qz):
    return Terms(*map(tf.constant, (log_px, log_pz, log_qz)), kl=None, z=None, aggregate=None)


@pytest.mark.parametrize("samples", [1, 2, 7])
@pytest.mark.parametrize("annealing", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("kind", [IWAE, DReG])
def test_log_mean_exp_of_the_weights(kind, annealing, samples):
    log_px, log_pz, log_qz = RNG.normal(0, 3, (3, samples, B))
    layer = kind(samples=samples)
    layer.build()
    layer.annealing.assign(annealing)
    expected = np.log(np.mean(np.exp(log_px + annealing * (log_pz - log_qz)), axis=0))
    np.testing.assert_allclose(layer(terms_of(log_px, log_pz, log_qz)), expected, rtol=1e-12, atol=1e-12)


def test_one_draw_gives_its_log_weight():
    layer = IWAE(samples=1)
    layer.build()
    terms = terms_of(*RNG.normal(-100, 3, (3, 1, B)).astype(np.float32))
    np.testing.assert_allclose(layer(terms), terms.log_weights[0], rtol=1e-6)


@pytest.mark.parametrize("offset", [-5000.0, 0.0, 5000.0])
@pytest.mark.parametrize("spread", [0.01, 1.0, 1000.0])
def test_log_weights_of_thousands_and_very_different_ones(offset, spread):
    log_px = np.float32(offset + spread * RNG.normal(size=(6, B)))
    with tf.GradientTape() as tape:
        weights = tf.constant(log_px)
        tape.watch(weights)
        layer = IWAE(samples=6)
        layer.build()
        bound = layer(Terms(weights, 0 * weights, 0 * weights, None, None, None))
    exact_bound = special.logsumexp(np.float64(log_px), axis=0) - np.log(6)
    np.testing.assert_allclose(bound, exact_bound, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(bound, weights), special.softmax(np.float64(log_px), axis=0), atol=1e-3)


def inexact(stretch):
    """The linear-Gaussian VAE with the best means, and diagonal standard deviations `stretch` times the best ones."""
    vae, truth = linear_vae(MultivariateNormalDiag, "float64"), model()
    d, latent = truth.W.shape
    sigma = stretch / np.sqrt(np.diag(np.linalg.inv(truth.posterior_covariance)))
    kernel = np.concatenate([truth.posterior_map.T, np.zeros((d, latent))], axis=1)
    bias = np.concatenate([-truth.posterior_map @ truth.b, inverse_positive(sigma)])
    vae.posterior.params.set_weights([kernel, bias])
    return vae, truth, np.diag(sigma**2)


def squared_weight(covariance_q, covariance_p):
    """E_q (p/q)² of two normals of one mean: ∫ p²/q."""
    precision = 2 * np.linalg.inv(covariance_p) - np.linalg.inv(covariance_q)
    log_dets = [np.linalg.slogdet(m)[1] for m in (covariance_q, covariance_p, precision)]
    return np.exp(0.5 * log_dets[0] - log_dets[1] - 0.5 * log_dets[2])


def test_bounds_rise_with_draws_from_the_elbo_to_log_p_x():
    vae, truth, covariance = inexact(stretch=2.5)
    x = truth.sample(20, np.random.default_rng(1))
    terms = vae.terms(x, samples=50 * 400, seed=[0, 1])
    log_p = truth.log_density(x).mean()
    # Means of 400 times 50 draws: one number each, so that their errors can be told.
    mean = {k: bounds(terms, k).reshape(400, -1).mean(axis=1) for k in (1, 5, 50)}
    error = {k: values.std(ddof=1) / 20 for k, values in mean.items()}
    gap = normal_kl(np.zeros(3), covariance, np.zeros(3), truth.posterior_covariance)
    assert_mean(mean[1], log_p - gap)  # the ELBO's gap is KL(q(z|x) ‖ p(z|x)), in closed form
    for fewer, more in ((1, 5), (5, 50)):
        rise = mean[more] - mean[fewer]
        assert rise.mean() > 5 * rise.std(ddof=1) / 20
    assert mean[50].mean() < log_p - 5 * error[50]
    # log p(x) less the bound is Var(w) / 2K p(x)² and terms of 1/K² (Nowozin, 2018, theorem 1).
    variance = squared_weight(covariance, truth.posterior_covariance) - 1
    assert log_p - mean[50].mean() == pytest.approx(variance / 100, rel=0.2, abs=5 * error[50])


@pytest.mark.parametrize("posterior", ["diag", "tril"])
@pytest.mark.parametrize("samples", [1, 5])
def test_iwae_gradient_is_that_of_naive_loops(posterior, samples):
    vae = small_vae(f"iwae(samples={samples})", posterior, "mixture(components=2)")
    terms, got = gradients(vae, *PARTS)
    numpy = naive(vae)
    noise = [[numpy.noise(x, z) for x, z in zip(X, row, strict=True)] for row in terms.z.numpy()]

    def loss(model):
        total = 0.0
        for b, x in enumerate(X):
            draws = [model.draw(x, row[b]) for row in noise]
            log_weights = [model.log_px(x, z) + model.log_pz(z) - model.log_qz(x, z) for z in draws]
            total -= (log_sum_exp(np.array(log_weights)) - np.log(samples)) / B
        return total

    expected = flat(numpy.gradient(loss, *PARTS))
    np.testing.assert_allclose(flat(got), expected, rtol=0, atol=1e-14 * np.abs(expected).max())


def doubly_reparameterised(numpy, z, annealing, sample_weight):
    """The gradients of the loss in the encoder's and in the generative weights, in two passes.

    With an annealing a, wₖ = p(x|zₖ) (p(zₖ) / q(zₖ|x))ᵃ. The score function's term −a w̃ₖ ∂log q(zₖ|x)/∂φ is a
    times as large then, and with it what comes of its reparameterisation, −a ∂w̃ₖ/∂zₖ = −a (w̃ₖ − w̃ₖ²) ∂log wₖ/∂zₖ:
    w̃ₖ − a (w̃ₖ − w̃ₖ²) is left, w̃ₖ² at a = 1.
    """

    def log_weight(model, b, z, q):
        return model.log_px(X[b], z) + annealing * (model.log_pz(z) - q.log_qz(X[b], z))

    pairs = [(k, b) for k in range(len(z)) for b in range(B)]
    log_weights = np.array([[log_weight(numpy, b, row[b], numpy) for b in range(B)] for row in z])
    share = special.softmax(log_weights, axis=0)  # w̃ [K, B]
    inner = share - annealing * (share - share**2)
    noise = {(k, b): numpy.noise(X[b], z[k, b]) for k, b in pairs}

    def encoder_pass(model):  # all but the path through z is held
        values = [
            inner[k, b] * log_weight(numpy, b, model.draw(X[b], noise[k, b]), numpy) * -sample_weight[b] / B
            for k, b in pairs
        ]
        return sum(values)

    def generative_pass(model):  # the draws and the posterior are held
        return sum(share[k, b] * log_weight(model, b, z[k, b], numpy) * -sample_weight[b] / B for k, b in pairs)

    return (
        numpy.gradient(encoder_pass, "encoder", "posterior"),
        numpy.gradient(generative_pass, "prior", "decoder", "likelihood"),
    )


@pytest.mark.parametrize(
    ("posterior", "prior", "samples", "annealing", "sample_weight"),
    [
        ("diag", "standard", 1, 1.0, None),
        ("tril", "standard", 1, 1.0, None),
        ("diag", "standard", 5, 1.0, None),
        ("tril", "standard", 5, 1.0, None),
        ("diag", "mixture(components=2)", 5, 1.0, None),
        ("tril", "mixture(components=2)", 5, 1.0, [0.0, 1.0, 2.5, 2**-10]),
        ("tril", "mixture(components=2)", 1, 0.5, None),
        ("diag", "mixture(components=2)", 5, 0.5, None),
        ("tril", "standard", 5, 0.25, [0.0, 1.0, 2.5, 2**-10]),
        ("diag", "standard", 5, 0.0, None),
    ],
)
def test_dreg_gradient_is_that_of_two_naive_passes(posterior, prior, samples, annealing, sample_weight):
    vae = small_vae(f"dreg(samples={samples})", posterior, prior)
    vae.objective.annealing.assign(annealing)
    terms, got = gradients(vae, *PARTS, sample_weight=sample_weight)
    passes = doubly_reparameterised(naive(vae), terms.z.numpy(), annealing, sample_weight or np.ones(B))
    got, (encoder, generative) = flat(got), map(flat, passes)
    expected = np.concatenate([encoder, generative])
    largest = min(np.abs(encoder).max(), np.abs(generative).max())
    assert largest > 1e-3
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("prior", "annealing"),
    [("mixture(components=2)", 1.0), ("mixture(components=2)", 0.5), ("vamp(components=2)", 1.0)],
)
def test_dreg_is_as_unbiased_as_iwae(prior, annealing):
    batch, seeds = 400, 300

    def means(objective):
        vae = small_vae(objective, "diag", prior)
        vae.objective.annealing.assign(annealing)
        x = tf.constant(np.repeat(X[:2], batch // 2, axis=0))
        step = tf.function(lambda: gradients(vae, *PARTS, x=x)[1])
        return np.array([flat(step()) for _ in range(seeds)])

    dreg, iwae = means("dreg(samples=4)"), means("iwae(samples=4)")
    assert_mean(dreg - iwae, 0.0)


@pytest.mark.parametrize("samples", [1, 5])
def test_at_the_exact_posterior_dreg_leaves_the_encoder_alone(samples):
    """Every weight is p(x) there: no draw has a gradient in z (one draw: "sticking the landing", arXiv:1703.09194)."""
    parts = exact(linear_vae(MultivariateNormalTriL, "float64"))
    layers = {part: getattr(parts, part) for part in PARTS}
    x = model().sample(10, np.random.default_rng(2))
    largest = {}
    for kind in (DReG, IWAE):
        vae = zoo.VAE(**layers, objective=kind(samples=samples, dtype="float64"), dtype="float64")
        largest[kind] = np.abs(flat(gradients(vae, "posterior", x=x)[1])).max()
    assert largest[DReG] < 1e-12 < 1e-2 < largest[IWAE]


def any_vae(posterior, objective="dreg(samples=3)"):
    prior = "dirichlet" if posterior == "dirichlet" else "mixture(components=2)"
    return zoo.build(
        "dreg_iwae",
        (6,),
        "unit",
        latent=4,
        posterior=posterior,
        prior=prior,
        network="mlp(hidden=(8,))",
        objective=objective,
    )


UNIT = np.float32(np.random.default_rng(3).random((5, 6)))


@pytest.mark.parametrize("posterior", zoo.names("posterior"))
def test_dreg_takes_any_posterior_and_one_pass(posterior, monkeypatch):
    vae = any_vae(posterior)
    calls = {"encoder": 0, "decoder": 0}

    def counted(part):
        network = getattr(vae, part)
        call = network.call

        def counting(*args, **kwargs):
            calls[part] += 1
            return call(*args, **kwargs)

        monkeypatch.setattr(network, "call", counting)

    counted("encoder"), counted("decoder")
    _, got = gradients(vae, *PARTS, x=UNIT)
    assert calls == {"encoder": 1, "decoder": 1}
    assert all(np.isfinite(g).all() for g in got)
    encoder = flat(gradients(vae, "encoder", x=UNIT)[1])
    assert np.abs(encoder).max() > 1e-6


@pytest.mark.parametrize("posterior", ["diag", "low_rank", "iaf", "hierarchical"])
def test_dreg_gives_the_same_numbers_in_a_function(posterior):
    vae = any_vae(posterior)
    terms, expected = gradients(vae, *PARTS, x=UNIT)
    vae.draws.assign(0)
    compiled_terms, got = tf.function(lambda: gradients(vae, *PARTS, x=UNIT))()
    np.testing.assert_allclose(compiled_terms.z, terms.z, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(flat(got), flat(expected), rtol=1e-5, atol=1e-5 * np.abs(flat(expected)).max())


@pytest.mark.parametrize(("posterior", "dtype", "tolerance"), [("tril", "float64", 1e-13), ("diag", "float32", 1e-5)])
def test_dreg_gives_the_same_numbers_under_xla(posterior, dtype, tolerance):
    """XLA draws other numbers than TensorFlow does: held to the naive passes, which take the draws as they are."""
    vae = small_vae("dreg(samples=5)", posterior, "mixture(components=2)", dtype)
    terms, got = tf.function(lambda: gradients(vae, *PARTS), jit_compile=True)()
    expected = np.concatenate([*map(flat, doubly_reparameterised(naive(vae), terms.z.numpy(), 1.0, np.ones(B)))])
    np.testing.assert_allclose(flat(got), expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("options", [{"samples": 0}, {"samples": 2.5}, {"samples": True}, {"samples": "5"}])
@pytest.mark.parametrize("kind", [IWAE, DReG])
def test_impossible_options_are_refused(kind, options):
    with pytest.raises(ValueError, match="Expected samples"):
        kind(**options)
