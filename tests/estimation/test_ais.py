"""Annealed importance sampling against closed forms, quadrature and TFP's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

import zoo
from benchmarks.log_likelihood_methods import NOISE, linear_model
from tests.shared.reference import LinearGaussian, assert_mean
from zoo.model.estimation import annealer
from zoo.model.estimation.ais import AIS
from zoo.model.estimation.annealer import resampled
from zoo.model.estimation.annealing import hmc, sigmoidal_schedule
from zoo.model.estimation.start import start_of
from zoo.model.estimation.weights import log_mean_weight, standard_error
from zoo.probability import tfd, tfp


def test_the_schedule_is_a_sigmoid_from_0_to_1():
    schedule = sigmoidal_schedule(10)
    assert len(schedule) == 11
    assert (schedule[0], schedule[-1]) == (0, 1)
    s = special.expit(np.linspace(-4, 4, 11))
    np.testing.assert_allclose(schedule, (s - s[0]) / (s[-1] - s[0]))


def test_step_sizes_are_interpolated_along_the_path():
    steps = np.exp(np.linspace(0, 1, 101))[1:, None] * [1.0, 3.0]  # smoothing keeps a line, but for its ends
    found = resampled(steps, 1000)
    assert found.shape == (1001, 2)
    np.testing.assert_allclose(found[50:-50], np.exp(np.linspace(0, 1, 1001))[50:-50, None] * [1, 3], rtol=0.01)


def test_means_of_weights_and_their_errors():
    rng = np.random.default_rng(0)
    log_weights = rng.normal(-900, 0.5, size=(400, 2000))
    log_mean, effective = log_mean_weight(log_weights)
    w = np.exp(log_weights + 900)
    np.testing.assert_allclose(log_mean + 900, np.log(w.mean(axis=0)))
    np.testing.assert_allclose(effective, w.sum(axis=0) ** 2 / (w**2).sum(axis=0))
    errors = standard_error(effective, 400)
    np.testing.assert_allclose(errors, w.std(axis=0, ddof=1) / w.mean(axis=0) / 20)
    assert log_mean.std() == pytest.approx(errors.mean(), rel=0.1)  # over many repetitions
    assert np.isnan(standard_error(np.ones(2), 1)).all()


def test_the_linear_model_is_what_its_closed_form_is_of():
    model = linear_model(3, 10.0)
    truth, x = LinearGaussian(model.W, model.b, NOISE), model.sample(5)
    np.testing.assert_allclose(model.log_density(x), truth.log_density(x))
    assert np.linalg.cond(truth.posterior_covariance) == pytest.approx(10)
    q = model.vae.encode(x)
    np.testing.assert_allclose(q.mean(), (x - model.b) @ truth.posterior_map.T, atol=1e-4)
    np.testing.assert_allclose(
        q.variance(), np.tile(1 / np.diag(np.linalg.inv(truth.posterior_covariance)), (5, 1)), rtol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "condition", "start"), [(2, 90.0, "prior"), (20, 90.0, "posterior"), (50, 90.0, "posterior")]
)
def test_linear_models_are_within_a_tenth_of_a_nat(size, condition, start):
    model = linear_model(size, condition)
    x = model.sample(30)
    found = AIS(temperatures=1000, chains=16, start=start).estimate(model.vae, x, doubling=False)
    error = found.log_likelihood - model.log_density(x)
    assert abs(error.mean()) < 0.1
    # The errors that it states are those that it makes, up to the noise of 16 weights.
    assert np.sqrt(np.mean(error**2)) < 2 * np.sqrt(np.mean(found.standard_error**2)) + 0.01
    assert np.all((found.acceptance > 0.4) & (found.acceptance < 0.9))
    if condition > 10 and size > 2:  # where importance sampling is far off
        assert np.mean(model.vae.score(x, 1000).log_likelihood - model.log_density(x)) < -1


@pytest.mark.slow
def test_that_of_tfp_hands_on_stale_densities_and_is_wrong():
    """Why ours is here: with TFP's chain, log p(x) of the same model is off by hundreds of nats."""
    model = linear_model(20, 3.0)
    x = model.sample(1)
    standard = tfd.MultivariateNormalDiag(tf.zeros(20), tf.ones(20))

    @tf.function(jit_compile=True)
    def by_tfp():
        z = standard.sample(64, seed=[0, 1])
        _, log_weights, _ = tfp.mcmc.sample_annealed_importance_chain(
            num_steps=300,
            proposal_log_prob_fn=standard.log_prob,
            target_log_prob_fn=lambda z: standard.log_prob(z) + model.vae.decode(z).log_prob(x),
            current_state=z,
            make_kernel_fn=lambda target: tfp.mcmc.HamiltonianMonteCarlo(target, 0.05, 10),
            seed=[0, 2],
        )
        return log_weights

    wrong, _ = log_mean_weight(np.float64(by_tfp())[:, None])
    right = AIS(temperatures=300, chains=64, start="prior").estimate(model.vae, x, doubling=False).log_likelihood
    assert abs(wrong[0] - model.log_density(x)[0]) > 100
    assert abs(right[0] - model.log_density(x)[0]) < 3


@pytest.mark.slow
@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_moves_leave_the_path_invariant_and_are_reversible(beta):
    """Exact draws of f_β, a Gaussian here, stay such, and pairs (u, u′) are exchangeable."""
    model, chains = linear_model(2, 20.0), 40_000
    x = model.sample(1)
    start = start_of(model.vae, tf.constant(x), "posterior")
    truth = LinearGaussian(model.W, model.b, NOISE)
    root = np.float64(start.root[0])
    precision = (1 - beta) * np.eye(2) + beta * root.T @ np.linalg.inv(truth.posterior_covariance) @ root
    rng = np.random.default_rng(0)
    u = rng.normal(size=(chains, 2)) @ np.linalg.inv(np.linalg.cholesky(precision))
    assert_mean(u[:, :, None] * u[:, None, :], np.linalg.inv(precision))

    move = tf.function(lambda u, seed: hmc(model.vae, tf.constant(x), start, u, beta, tf.constant([0.9]), seed))
    moved, acceptance = move(tf.constant(u[:, None], tf.float32), [0, 1])
    moved = np.float64(moved[:, 0])
    assert 0.3 < acceptance[0] < 0.95  # without a rejection, it would not show
    assert np.mean(np.any(np.abs(moved - u) > 1e-3, axis=1)) == pytest.approx(float(acceptance[0]), abs=0.02)
    assert_mean(moved, 0.0)
    assert_mean(moved[:, :, None] * moved[:, None, :], np.linalg.inv(precision))
    spread = np.sqrt(np.diag(np.linalg.inv(precision)))
    assert_mean((moved / spread) ** 4, 3.0)
    assert_mean(u[:, :1] * moved[:, 1:] ** 3 - moved[:, :1] * u[:, 1:] ** 3, 0.0)
    assert_mean(np.abs(u) * np.cos(moved[:, ::-1]) - np.abs(moved) * np.cos(u[:, ::-1]), 0.0)


def bent_vae(size):
    """A VAE whose decoder is not linear, and whose posterior fits badly: [size] latents, [3] elements of x."""
    vae = zoo.VAE(
        encoder=keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "tanh")]),
        posterior=zoo.registry.build("posterior", "diag", event_shape=(size,)),
        prior=zoo.registry.build("prior", "standard", event_shape=(size,)),
        decoder=keras.Sequential([keras.Input((size,)), keras.layers.Dense(8, "tanh")]),
        likelihood=zoo.registry.build("likelihood", "normal(scale=0.5)", event_shape=(3,)),
        objective=zoo.registry.build("objective", "elbo"),
    )
    rng = np.random.default_rng(size)
    for part, scale in {"encoder": 0.3, "posterior": 0.3, "decoder": 1, "likelihood": 1}.items():
        for weight in getattr(vae, part).trainable_weights:
            weight.assign(rng.normal(0, scale, weight.shape))
    return vae


def quadrature(vae, x, points=501, limit=8.0):
    """log p(x) [B] by a sum over a grid of z."""
    grid = np.linspace(-limit, limit, points)
    z = np.stack(np.meshgrid(*[grid] * vae.latent_size), axis=-1).reshape(-1, vae.latent_size)
    log_prior = stats.norm.logpdf(z).sum(axis=1)
    log_sums = [special.logsumexp(np.float64(vae.decode(z).log_prob(row)) + log_prior) for row in x]
    return np.array(log_sums) + vae.latent_size * np.log(grid[1] - grid[0])


@pytest.mark.slow
@pytest.mark.parametrize(("size", "start"), [(1, "prior"), (2, "posterior")])
def test_decoders_that_are_not_linear_agree_with_quadrature(size, start):
    vae = bent_vae(size)
    x = np.float32(np.random.default_rng(0).normal(size=(6, 3)))
    found = AIS(temperatures=300, chains=64, start=start).estimate(vae, x)
    error = found.log_likelihood - quadrature(vae, x)
    assert np.all(np.abs(error) < 5 * found.standard_error + 1e-3)
    assert np.all(found.standard_error < 0.2)
    assert np.all(np.abs(found.doubling) < 1)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_and_chunks_hold_every_example(monkeypatch):
    vae = bent_vae(2)
    x = np.float32(np.random.default_rng(0).normal(size=(5, 3)))
    method = "ais(temperatures=60, chains=4)"
    monkeypatch.setattr(annealer, "POINTS_PER_CHUNK", 8)  # two examples a chunk, the last one padded
    first, again, other = (vae.log_likelihood(x, method=method, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)
    np.testing.assert_allclose(first, quadrature(vae, x), atol=1.5)  # in their order


def test_refusals():
    vae = bent_vae(2)
    x = np.zeros([2, 3], np.float32)
    with pytest.raises(KeyError, match=r"No log-likelihood method 'aiz'\. Known: ais, importance, refined\."):
        vae.log_likelihood(x, method="aiz")
    with pytest.raises(ValueError, match="has no option 'draws'"):
        vae.log_likelihood(x, method="ais(draws=3)")
    with pytest.raises(ValueError, match="Expected temperatures to be a whole number, 2 or more, got 1"):
        vae.log_likelihood(x, method="ais(temperatures=1)")
    with pytest.raises(ValueError, match="Expected start= to be one of"):
        vae.log_likelihood(x, method="ais(start='here')")
    with pytest.raises(ValueError, match="shape"):
        vae.log_likelihood(x[:, :2], method="ais")
    with pytest.raises(ValueError, match="seed"):
        vae.log_likelihood(x, method="ais", seed=-1)
