"""The doubly reparameterised gradient of the importance-weighted bound, taken apart."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

import zoo
from tests.models.linear_gaussian import exact, linear_vae, model
from tests.models.small_vae import PARTS, B, X, flat, gradients, naive, small_vae
from tests.shared.reference import assert_mean
from zoo.objectives import IWAE, DReG
from zoo.posteriors import TriLNormalPosterior

pytestmark = pytest.mark.slow


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
    parts = exact(linear_vae(TriLNormalPosterior, "float64"))
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
    vae.seed_counter.assign(0)
    compiled_terms, got = tf.function(lambda: gradients(vae, *PARTS, x=UNIT))()
    np.testing.assert_allclose(compiled_terms.z, terms.z, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(flat(got), flat(expected), rtol=1e-5, atol=1e-5 * np.abs(flat(expected)).max())


@pytest.mark.xla
@pytest.mark.parametrize(("posterior", "dtype", "tolerance"), [("tril", "float64", 1e-13), ("diag", "float32", 1e-5)])
def test_dreg_gives_the_same_numbers_under_xla(posterior, dtype, tolerance):
    """XLA draws other numbers than TensorFlow does: held to the naive passes, which take the draws as they are."""
    vae = small_vae("dreg(samples=5)", posterior, "mixture(components=2)", dtype)
    terms, got = tf.function(lambda: gradients(vae, *PARTS), jit_compile=True)()
    expected = np.concatenate([*map(flat, doubly_reparameterised(naive(vae), terms.z.numpy(), 1.0, np.ones(B)))])
    np.testing.assert_allclose(flat(got), expected, rtol=0, atol=tolerance * np.abs(expected).max())
