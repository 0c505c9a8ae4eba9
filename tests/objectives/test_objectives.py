"""Objectives by hand, their gradients against naive loops in numpy, and the estimates that they make of q(z)."""

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.models.small_vae import PARTS, X, flat, gradients, naive, small_vae
from tests.shared.naive_mmd import naive_squared_mmd
from tests.shared.reference import log_normal, log_sum_exp
from zoo.objectives import ELBO, MMD, Terms
from zoo.registry import build

K, B, L = 3, 4, 5


def terms(dimensions=L, aggregate=0.0):
    rng = np.random.default_rng(0)
    log_px, log_pz, log_qz = rng.normal(-5, 2, (3, K, B))
    kl = rng.gamma(1.0, 1.0, (B, dimensions))
    values = (log_px, log_pz, log_qz, kl, rng.normal(size=(K, B, L)), aggregate)
    return Terms(*(tf.constant(np.float32(v)) for v in values))


def objective(kind=ELBO, **options):
    layer = kind(**options)
    layer.build()
    return layer


def test_elbo_is_reconstruction_less_kl():
    t = terms()
    expected = t.log_px.numpy().mean(axis=0) - t.kl.numpy().sum(axis=1)
    np.testing.assert_allclose(objective()(t), expected, rtol=1e-5)


def test_beta_and_annealing_weigh_the_kl():
    t = terms()
    layer = objective(beta=4.0)
    layer.annealing.assign(0.25)
    np.testing.assert_allclose(layer(t), objective()(t), rtol=1e-5)
    layer.annealing.assign(0.0)
    np.testing.assert_allclose(layer(t), t.log_px.numpy().mean(axis=0), rtol=1e-5)


def test_free_bits_of_each_dimension():
    t = terms()
    kl = t.kl.numpy().mean(axis=0)  # over the batch
    floor = np.median(kl)
    expected = t.log_px.numpy().mean(axis=0) - np.maximum(kl, floor).sum()
    np.testing.assert_allclose(objective(free_bits=floor)(t), expected, rtol=1e-5)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_free_bits_of_the_whole(factor):
    t = terms(dimensions=1)
    kl = t.kl.numpy().mean()
    expected = t.log_px.numpy().mean(axis=0) - kl * max(1, factor)
    np.testing.assert_allclose(objective(free_bits=factor * kl / L)(t), expected, rtol=1e-5)


def test_dimensions_under_their_free_bits_get_no_gradient():
    t = terms()
    kl = tf.Variable(t.kl)
    with tf.GradientTape() as tape:
        bound = tf.reduce_mean(objective(free_bits=float(np.median(t.kl.numpy().mean(axis=0))))(t._replace(kl=kl)))
    gradient = tape.gradient(bound, kl).numpy()
    free = t.kl.numpy().mean(axis=0) < np.median(t.kl.numpy().mean(axis=0))
    assert np.all(gradient[:, free] == 0)
    assert np.allclose(gradient[:, t.kl.numpy().mean(axis=0) > np.median(t.kl.numpy().mean(axis=0))], -1 / B)


def test_importance_weights():
    t = terms()
    np.testing.assert_allclose(t.log_weights, t.log_px.numpy() + t.log_pz.numpy() - t.log_qz.numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *[(kind, {"samples": samples}) for kind in zoo.names("objective") for samples in (0, -1, 1.5, True)],
        *[("elbo", {"beta": beta}) for beta in (-1, float("nan"), float("inf"))],
        *[("elbo", {"free_bits": bits}) for bits in (-0.1, float("nan"), float("inf"))],
        *[("mmd", {"alpha": alpha}) for alpha in (1.1, float("nan"), -float("inf"), -100)],
        *[("mmd", {"lambda_": weight}) for weight in (0.5, -1, float("nan"), float("inf"))],
        *[("tc", {w: value}) for w in ("alpha", "beta", "gamma") for value in (-1, float("nan"), float("inf"))],
    ],
)
def test_impossible_options_are_refused(kind, options):
    with pytest.raises(ValueError, match="Expected"):
        build("objective", {"name": kind, **options})


def elbo_loss(model, noise):
    """The loss at β = 2 and an annealing of ½, the KL in closed form."""
    loss = 0.0
    for b, x in enumerate(X):
        loc, scale = model.posterior(x)
        kl = sum(0.5 * (s**2 + m**2 - 1 - 2 * np.log(s)) for m, s in zip(loc, np.diag(scale), strict=True))
        log_px = [model.log_px(x, model.draw(x, row[b])) for row in noise]
        loss -= (sum(log_px) / len(noise) - 2 * 0.5 * kl) / len(X)
    return loss


def mmd_loss(model, noise, prior_z):
    """The loss at α = ¼, λ = 3 and an annealing of ½."""
    draws = [[model.draw(x, row[b]) for b, x in enumerate(X)] for row in noise]
    mmd = sum(naive_squared_mmd(row, prior_z) for row in draws) / len(draws)
    loss = (0.25 + 3 - 1) * 0.5 * mmd
    for b, x in enumerate(X):
        loc, scale = model.posterior(x)
        kl = sum(0.5 * (s**2 + m**2 - 1 - 2 * np.log(s)) for m, s in zip(loc, np.diag(scale), strict=True))
        loss -= (sum(model.log_px(x, row[b]) for row in draws) / len(draws) - 0.75 * 0.5 * kl) / len(X)
    return loss


def naive_log_aggregated(posteriors, z, i, examples):
    """log q(z) and log Πⱼ q(zⱼ) of a draw for example i, by the weights of arXiv:1802.04942, appendix C, in words."""
    batch = len(posteriors)
    m = batch - 1
    weights = [1 / m] * batch
    weights[i] = 1 / examples
    weights[(i + 1) % batch] = (examples - m) / (examples * m)
    whole = [np.log(w) + log_normal(z, *q) for w, q in zip(weights, posteriors, strict=True)]
    product = 0.0
    for j in range(len(z)):
        marginals = []
        for w, (loc, scale) in zip(weights, posteriors, strict=True):
            variance = scale[j] @ scale[j]
            log_density = -0.5 * (z[j] - loc[j]) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)
            marginals.append(np.log(w) + log_density)
        product += log_sum_exp(np.array(marginals))
    return log_sum_exp(np.array(whole)), product


def tc_loss(model, noise):
    """The loss at α = ½, β = 3, γ = 2, an annealing of ½ and N = 10."""
    loss, posteriors = 0.0, [model.posterior(x) for x in X]
    for row in noise:
        for b, x in enumerate(X):
            z = model.draw(x, row[b])
            log_q, log_product = naive_log_aggregated(posteriors, z, b, examples=10)
            penalty = (
                0.5 * (model.log_qz(x, z) - log_q) + 3 * (log_q - log_product) + 2 * (log_product - model.log_pz(z))
            )
            loss -= (model.log_px(x, z) - 0.5 * penalty) / len(X) / len(noise)
    return loss


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize(
    ("name", "options", "loss", "posterior", "prior"),
    [
        ("elbo", {"beta": 2.0}, elbo_loss, "diag", "standard"),
        ("mmd", {"alpha": 0.25, "lambda_": 3.0}, mmd_loss, "diag", "standard"),
        ("tc", {"alpha": 0.5, "beta": 3.0, "gamma": 2.0}, tc_loss, "diag", "standard"),
        ("tc", {"alpha": 0.5, "beta": 3.0, "gamma": 2.0}, tc_loss, "tril", "mixture(components=2)"),
    ],
)
def test_gradients_are_those_of_naive_loops(name, options, loss, posterior, prior, samples, monkeypatch):
    vae = small_vae({"name": name, "samples": samples, **options}, posterior, prior)
    vae.objective.adapt(np.zeros(10))
    vae.objective.annealing.assign(0.5)
    spied, statistic = [], vae.objective.batch_statistic

    def spy(q, p, z, seed):
        spied.append(p.sample(len(X), seed=seed).numpy())
        return statistic(q, p, z, seed)

    monkeypatch.setattr(vae.objective, "batch_statistic", spy)
    terms, got = gradients(vae, *PARTS)
    model = naive(vae)
    noise = [[model.noise(x, z) for x, z in zip(X, row, strict=True)] for row in terms.z.numpy()]
    extra = spied if name == "mmd" else []
    value = -np.mean(vae.objective(terms))
    assert value == pytest.approx(loss(model, noise, *extra), rel=1e-12)
    expected = flat(model.gradient(lambda model: loss(model, noise, *extra), *PARTS))
    np.testing.assert_allclose(flat(got), expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize(("alpha", "lambda_"), [(0.0, 100.0), (1.0, 10.0), (-2.0, 5.0), (0.5, 0.5)])
@pytest.mark.parametrize("annealing", [1.0, 0.25])
def test_mmd_formula(alpha, lambda_, annealing):
    t = terms(aggregate=0.3)
    layer = objective(MMD, alpha=alpha, lambda_=lambda_)
    layer.annealing.assign(annealing)
    kl, log_px = t.kl.numpy().sum(axis=1), t.log_px.numpy().mean(axis=0)
    expected = log_px - annealing * ((1 - alpha) * kl + (alpha + lambda_ - 1) * 0.3)
    np.testing.assert_allclose(layer(t), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "posterior"), [*((n, "diag") for n in zoo.names("objective")), ("mmd", "dirichlet"), ("dreg", "dirichlet")]
)
def test_a_batch_of_one_is_finite(name, posterior):
    prior = "dirichlet" if posterior == "dirichlet" else "standard"
    vae = zoo.build("diag_vae", (6,), "real", latent=3, posterior=posterior, prior=prior, objective=name)
    vae.objective.adapt(np.zeros((100, 6)))
    x = np.float32(np.random.default_rng(0).normal(size=(1, 6)))
    _, got = gradients(vae, *PARTS, x=x)
    assert np.isfinite(vae.objective(vae(x))).all()
    assert np.isfinite(flat(got)).all()


@pytest.mark.parametrize("spec", ["elbo(free_bits=0.1)", "mmd", "tc"])
def test_objectives_of_the_batch_say_what_sample_weights_do_not_weigh(spec):
    vae = zoo.build("diag_vae", (6,), "real", latent=3, objective=spec, network="mlp(hidden=(3,))")
    vae.compile("adam", run_eagerly=True)
    x = np.float32(np.random.default_rng(0).normal(size=(5, 6)))
    vae.adapt(x)
    with pytest.warns(UserWarning, match="sample weights apply to the bound of each example"):
        vae.fit(x, sample_weight=np.ones(5), verbose=0)


def test_an_objective_of_another_formula_does_not_stratify_unless_it_says_so():
    class Other(ELBO):
        def call(self, terms):
            return tf.reduce_mean(terms.log_px, axis=0)

    class Same(ELBO):
        pass

    assert (ELBO.accepts_strata, Same.accepts_strata, Other.accepts_strata) == (True, True, False)
