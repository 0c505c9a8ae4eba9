"""A refreshed prior fits the codes of the data, and nothing else changes."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

import zoo
from tests.models.layers import wild
from tests.tuning.test_freezing import changed, values
from zoo.distributions.positive import inverse_positive, positive
from zoo.model.tuning.refresh import HELD_OUT, draw_codes, log_density

D, LATENT = 8, 4
X = (np.random.default_rng(0).random((300, D)) < np.random.default_rng(1).random((300, 1))).astype(np.float32)
LEARNED = ["tril", "mixture(components=3, normal='tril')", "maf(steps=2, hidden=16)"]
LEARNED += ["hierarchical(prior='mixture', hidden=8)"]


def model(prior, support="binary", **parts):
    posterior = {"posterior": "hierarchical(hidden=8)"} if prior.startswith("hierarchical") else {}
    parts = posterior | {"network": "mlp(hidden=(9,))"} | parts
    vae = zoo.build("diag_vae", (D,), support, latent=LATENT, prior=prior, **parts)
    wild(vae.encoder)
    wild(vae.posterior, scale=1.0)
    return vae


def others(vae):
    return [
        value
        for role in ("encoder", "posterior", "decoder", "likelihood", "objective")
        for value in values(getattr(vae, role))
    ]


def assert_others_equal(before, vae):
    for value, want in zip(others(vae), before, strict=True):
        np.testing.assert_array_equal(value, want)


def test_the_inverse_of_positive():
    raw = np.linspace(-8, 30, 50).astype(np.float32)
    np.testing.assert_allclose(inverse_positive(positive(raw).numpy()), raw, atol=2e-2, rtol=1e-4)
    assert np.isfinite(inverse_positive(np.zeros(2))).all()


@pytest.mark.slow
@pytest.mark.parametrize("prior", LEARNED)
def test_codes_become_more_likely(prior):
    vae = model(prior)
    before, codes = others(vae), draw_codes(vae, X, seed=5)
    old = log_density(vae, codes)
    count = int(vae.seed_counter.numpy())
    said = vae.refresh_prior(X, steps=200)
    assert said.startswith("The prior ")
    assert log_density(vae, codes) > old + 0.3, said
    assert_others_equal(before, vae)
    assert int(vae.seed_counter.numpy()) == count


@pytest.mark.slow
@pytest.mark.parametrize(("normal", "covariance"), [("diag", "diag"), ("tril", "full")])
def test_a_mixture_is_as_good_as_scikit_learn_s(normal, covariance):
    vae = model(f"mixture(components=3, normal='{normal}')")
    vae.refresh_prior(X, steps=500)
    train, test = draw_codes(vae, X, seed=0), draw_codes(vae, X, seed=5)
    theirs = GaussianMixture(3, covariance_type=covariance, n_init=3, random_state=1).fit(np.float64(train))
    assert log_density(vae, test) > theirs.score(np.float64(test)) - 0.05


@pytest.mark.slow
def test_a_learned_normal_has_the_moments_of_the_codes():
    vae = model("tril")
    vae.refresh_prior(X, steps=500)
    fitted = np.random.default_rng(0).permutation(len(X))[len(X) // HELD_OUT :]
    codes = np.float64(draw_codes(vae, X[fitted], seed=5))
    np.testing.assert_allclose(vae.prior().mean(), codes.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(vae.prior().covariance(), np.cov(codes.T), atol=0.05, rtol=0.03)


@pytest.mark.parametrize("prior", ["vamp(components=20)", "hierarchical(prior='vamp(components=20)', hidden=8)"])
def test_pseudo_inputs_start_at_examples(prior):
    vae = model(prior)
    before = others(vae)
    said = vae.refresh_prior(X, steps=3)
    assert "start at training examples, of 300" in said
    rows = {tuple(row) for row in X}
    assert all(tuple(row) in rows for row in np.array(vae.prior.pseudo_inputs))
    assert_others_equal(before, vae)


def test_the_range_of_real_pseudo_inputs_follows_the_data():
    rng = np.random.default_rng(0)
    vae = model("vamp(components=5, weights='learned')", support="real")
    vae.adapt(rng.normal(0, 1, (100, D)).astype(np.float32))
    vae.prior.logits.assign(np.arange(5.0))
    x = rng.normal(50, 20, (60, D)).astype(np.float32)
    vae.refresh_prior(x)
    assert not np.any(vae.prior.logits)
    chosen = np.array(vae.prior.pseudo_inputs)
    assert np.abs(chosen[:, None] - x).max(axis=-1).min(axis=-1).max() < 1e-3
    vae.prior.unit_pseudo_inputs.assign(vae.prior._clip(vae.prior.unit_pseudo_inputs))
    np.testing.assert_allclose(vae.prior.pseudo_inputs, chosen, atol=1e-3)  # within the range, so nothing is clipped


@pytest.mark.parametrize("prior", ["standard", "dirichlet"])
def test_priors_without_weights_stay(prior):
    vae = model(prior, **({"posterior": "dirichlet"} if prior == "dirichlet" else {}))
    before = values(vae)
    assert "no weights to refresh" in vae.refresh_prior(X)
    assert not any(changed(before, vae))


def test_a_frozen_prior_stays():
    vae = model("mixture")
    vae.freeze("prior")
    before = values(vae)
    assert "is frozen" in vae.refresh_prior(X)
    assert not any(changed(before, vae))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_prior():
    found = [model("mixture(components=2)") for _ in range(3)]
    for vae, seed in zip(found, (0, 0, 1), strict=True):
        vae.refresh_prior(X, steps=20, seed=seed)
    assert not any(changed(values(found[0].prior), found[1].prior))
    assert any(changed(values(found[0].prior), found[2].prior))


def test_a_prior_that_does_not_improve_stays(monkeypatch):
    vae = model("mixture(components=2)")
    before = values(vae)
    monkeypatch.setattr(
        "zoo.priors.MixturePrior.start_at_codes", lambda self, z, seed: self.loc.assign(self.loc + 99.0)
    )
    vae.refresh_prior(X, steps=0)
    assert not any(changed(before, vae))


@pytest.mark.slow
def test_samplers_are_fitted_again_or_removed():
    vae = model("standard")
    for spec in ("aggregated(subsample=40)", "gmm(components=30)", "compressed(components=6)"):
        vae.add_sampler(spec, X, progress=False)
    other = 1 - X
    said = vae.refresh_prior(other)
    assert "Fitted again: the samplers aggregated, gmm, compressed." in said
    expected = model("standard")
    expected.add_sampler("aggregated(subsample=40)", other, progress=False)
    found = vae.samplers.fitted["aggregated"]
    np.testing.assert_array_equal(found.params, expected.samplers.fitted["aggregated"].params)
    assert "Removed, because they cannot be fitted to 20 examples: the samplers aggregated, gmm." in vae.refresh_prior(
        other[:20]
    )
    assert sorted(vae.samplers.fitted) == ["compressed"]


def test_data_of_another_shape_are_refused():
    vae = model("mixture")
    before = values(vae)
    for x in (X[:, :3], X * 0.5):
        with pytest.raises(ValueError):
            vae.refresh_prior(x)
    assert not any(changed(before, vae))
