"""Every posterior can be refined: never worse than before, alone as within a batch, and in every family that fits."""

import numpy as np
import pytest

import zoo
from tests.contract.parts import data_of, model, specs
from zoo.model.refinement import families
from zoo.registry import parse

pytestmark = pytest.mark.slow

STEPS = 20
ROWS = 4
NOT_FROM_OTHERS = {"dirichlet", "hierarchical", "iaf"}  # other latent points, or weights of their own


@pytest.mark.parametrize("spec", specs("posterior"))
def test_never_worse_and_the_same_alone(spec):
    vae = model("posterior", spec)
    x = data_of(vae, ROWS)
    before = [weight.numpy() for weight in vae.weights]
    found = vae.refine(x, STEPS)
    assert (found.amortization_gap >= 0).all()
    assert found.amortization_gap.max() > 0.01  # these posteriors are not trained
    np.testing.assert_allclose(found.elbo, found.amortized_elbo + found.amortization_gap)
    q = found.distribution
    assert (q.batch_shape, q.event_shape) == ((ROWS,), (vae.latent_size,))
    assert np.isfinite(q.mean()).all()
    alone = vae.refine(x[2:3], STEPS)
    np.testing.assert_allclose(alone.params[0], found.params[2], rtol=0, atol=1e-4)
    np.testing.assert_allclose(alone.elbo[0], found.elbo[2], rtol=0, atol=1e-4)
    for weight, value in zip(vae.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


@pytest.mark.parametrize("spec", specs("posterior"))
def test_a_diagonal_posterior_becomes_the_same_one_of_another_family_or_is_refused(spec):
    vae = model("posterior", "diag")
    x, name = data_of(vae, ROWS), parse(spec)[0]
    if name in NOT_FROM_OTHERS:
        fitting = ", ".join(sorted(set(zoo.names("posterior")) - NOT_FROM_OTHERS))
        with pytest.raises(ValueError, match=f"got '{name}.* one of: {fitting}"):
            vae.refine(x, STEPS, posterior=spec)
        return
    family, own = families.family(vae, spec), vae.encode(x)
    q = family.layer.distribution(families.start(vae, family, vae.features(x)))
    assert family.contains
    # Some families start at small values beside the diagonal ones, so that they have a gradient.
    np.testing.assert_allclose(q.mean(), own.mean(), rtol=0, atol=0.01)
    np.testing.assert_allclose(q.covariance(), own.covariance(), rtol=0, atol=1e-4)
