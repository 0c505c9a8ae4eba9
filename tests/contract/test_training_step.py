"""A training step gives every weight a finite gradient, whatever the part."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.contract.parts import all_parts, data, data_of, likelihood, model, posterior, specs, supports, wild
from zoo.distributions import kl_divergence
from zoo.registry import build


def assert_gradients(vae, x):
    """Every weight gets a finite gradient. Returns the step's terms."""
    with tf.GradientTape() as tape:
        terms = vae(x)
        loss = vae.compute_loss(x=x, y_pred=terms)
    gradients = tape.gradient(loss, vae.trainable_variables)
    assert np.isfinite(loss)
    for weight, gradient in zip(vae.trainable_variables, gradients, strict=True):
        assert gradient is not None, f"{weight.path} gets no gradient"
        assert np.isfinite(gradient).all(), f"{weight.path} gets a gradient that is not finite"
    return terms


@pytest.mark.parametrize(("kind", "spec"), all_parts())
def test_every_weight_gets_a_gradient(kind, spec):
    vae = model(kind, spec)
    assert_gradients(vae, data_of(vae, 5))


def fits(prior, posterior):
    """Whether that prior takes that posterior, by what the two say of themselves."""
    return build("prior", prior, event_shape=(4,)).is_compatible(build("posterior", posterior, event_shape=(4,)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("posterior", "prior"), list(product(zoo.names("posterior"), [*zoo.names("prior"), "hierarchical(prior='vamp')"]))
)
def test_every_pair_of_posterior_and_prior_trains_or_is_refused(posterior, prior):
    build_model = partial(model, "posterior", posterior, prior=prior, latent=4)
    if not fits(prior, posterior):
        with pytest.raises(ValueError, match=r"^The prior .* is incompatible with the posterior .*: use one of"):
            build_model()
        return
    vae = build_model()
    x = data_of(vae, 5)
    terms = assert_gradients(vae, x)

    # In a graph, as `fit` has it, each part is tested in `test_compiled`; their KL is what only the pair has.
    @tf.function(input_signature=[tf.TensorSpec([None, *vae.event_shape])])
    def kl(x):
        return kl_divergence(
            vae.encode(x),
            vae.prior(encode=vae.posterior_at),
            terms.log_qz,
            terms.log_pz,
            terms.z,
            terms.log_draw_weights,
        )

    np.testing.assert_allclose(kl(x), terms.kl, rtol=1e-5, atol=1e-5)


def test_what_fits_what():
    real = set(zoo.names("posterior")) - {"dirichlet"}
    fitting = {p: {q for q in zoo.names("posterior") if fits(p, q)} for p in zoo.names("prior")}
    every_prior_on_reals = {"standard", "diag", "tril", "mixture", "maf", "hierarchical"}
    assert fitting == dict.fromkeys(every_prior_on_reals, real) | {
        "dirichlet": {"dirichlet"},
        "vamp": set(zoo.names("posterior")) - {"iaf"},
    }


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"prior": "hierarchical(prior='dirichlet')"},
            r"prior= \(of z₂\) to be one of diag, maf, mixture, standard, tril, vamp",
        ),
        ({"prior": "hierarchical(prior='hierarchical')"}, r"prior= \(of z₂\) to be one of"),
        ({"prior": "hierarchical(top_size=1, prior='vamp')"}, r"use one of the posteriors hierarchical\(top_size=1\)"),
        ({"posterior": "hierarchical(normal='iaf')"}, "Use one of diag, low_rank"),
        ({"prior": {"name": "mixture", "normal": zoo.parameterizations.Diag()}}, "a name or a spec as the normal"),
    ],
)
def test_parts_within_parts_that_do_not_fit_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        zoo.build("hvae", (6,), "binary", **({"latent": 4} | parts))


@pytest.mark.parametrize("latent", [1, 4])
def test_a_refusal_names_only_what_can_be_had(latent):
    with pytest.raises(ValueError, match="The prior vamp is incompatible with the posterior iaf") as error:
        model("posterior", "iaf", prior="vamp", latent=latent)
    assert ("hierarchical" in str(error.value)) == (latent > 1)


@pytest.mark.parametrize("spec", specs("posterior"))
def test_wild_posteriors_stay_finite(spec):
    layer = wild(posterior(spec, latent=64, features=1))
    h = tf.ones([8, 1])
    with tf.GradientTape() as tape:
        z, log_qz = layer(h).experimental_sample_and_log_prob(seed=[0, 0])
    assert np.isfinite(z).all()
    assert np.isfinite(log_qz).all()
    assert all(np.isfinite(g).all() for g in tape.gradient(log_qz, layer.trainable_variables))


@pytest.mark.parametrize("spec", specs("likelihood"))
def test_wild_likelihoods_stay_finite(spec):
    layer = wild(likelihood(spec, (6,), features=1), scale=30.0)
    x = data(supports(spec)[0], 8)
    with tf.GradientTape() as tape:
        log_px = layer(tf.ones([8, 1])).log_prob(x)
    assert np.isfinite(log_px).all()
    assert all(np.isfinite(g).all() for g in tape.gradient(log_px, layer.trainable_variables))
