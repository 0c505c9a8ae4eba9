"""Every posterior, prior and network of the catalogue from training in half precision to what is served."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from export.signatures.inputs import probe_rows
from export.signatures.to_float32 import in_float32
from tests.models.exported import small
from zoo.catalog import CATALOG
from zoo.model.scores import estimate

pytestmark = pytest.mark.slow

POLICIES = ["mixed_bfloat16", "mixed_float16"]
# Of models that differ in the objective alone, the first stands for all in what follows training.
MODELS = {(recipe.posterior, recipe.prior, recipe.network): name for name, recipe in reversed(CATALOG.items())}


def trained(name):
    """A model that has taken a step, and its data."""
    vae = small(name)  # with an aggregated posterior, which is fitted after training
    x = probe_rows(vae, 12)["x"]
    assert vae.encoder(x).dtype == vae.encoder.compute_dtype != tf.float32
    vae.samplers.remove("aggregated")
    vae.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    assert np.isfinite(vae.fit(x, batch_size=12, verbose=0).history["loss"]).all()
    return vae, x


def scores_of(vae, x):
    scores = estimate(vae.terms(x, 4, [0, 1]))
    assert all(value.dtype == tf.float32 and np.isfinite(value).all() for value in scores)
    return scores


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", sorted(set(CATALOG) - set(MODELS.values())))
def test_every_objective_is_trained_and_evaluated(name, policy):
    keras.config.set_dtype_policy(policy)
    vae, x = trained(name)
    assert vae.guard.state.numpy()[0] == 0  # no step was skipped
    assert len(scores_of(vae, x).elbo) == len(x)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", MODELS.values())
def test_trained_evaluated_and_exported(name, policy):
    keras.config.set_dtype_policy(policy)
    vae, x = trained(name)
    scores = scores_of(vae, x)
    q = zoo.aggregated_posterior(vae, x, progress=False)
    z = q.sample(3, seed=[0, 1])
    assert z.dtype == tf.float32
    if not vae.posterior.density_is_sequential:
        assert np.isfinite(q.log_prob(z)).all()
    served = in_float32(vae)  # its signatures are those of any model in single precision
    assert served.encoder(x).dtype == tf.float32
    exact = estimate(served.terms(x, 4, [0, 1]))
    np.testing.assert_allclose(exact.reconstruction, scores.reconstruction, rtol=0.1, atol=0.1)
