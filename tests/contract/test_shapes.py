"""Batch and event shapes: a posterior's [B] and [L], a prior's [] and [L], a likelihood's those of h and of x."""

import pytest
import tensorflow as tf

import zoo
from tests.contract.parts import EVENTS, data, data_of, latents, likelihood, model, posterior, prior, specs, supports


@pytest.mark.parametrize(("spec", "latent"), latents("posterior"))
def test_posterior(spec, latent):
    q = posterior(spec, latent)(tf.random.stateless_normal([4, 8], [0, 0]))
    assert q.batch_shape == [4]
    assert q.event_shape == [latent]
    assert q.mean().shape == [4, latent]
    assert q.covariance().shape == [4, latent, latent]
    assert q.sample(3, seed=[0, 0]).shape == [3, 4, latent]
    z, log_qz = q.experimental_sample_and_log_prob(3, seed=[0, 0])
    assert z.shape == [3, 4, latent]
    assert log_qz.shape == q.log_prob(z).shape == [3, 4]


@pytest.mark.parametrize(("spec", "latent"), latents("prior"))
def test_prior(spec, latent):
    layer, encode = prior(spec, latent)
    p = layer(encode=encode)
    assert p.batch_shape == []
    assert p.event_shape == [latent]
    z = p.sample([3, 4], seed=[0, 0])
    assert z.shape == [3, 4, latent]
    assert p.log_prob(z).shape == [3, 4]


@pytest.mark.parametrize("spec", specs("likelihood"))
@pytest.mark.parametrize("event_shape", [(1,), (6,), (4, 3, 2)])
@pytest.mark.parametrize("batch", [[5], [3, 5]])
def test_likelihood_of_dense_features(spec, event_shape, batch):
    px = likelihood(spec, event_shape)(tf.random.stateless_normal([*batch, 8], [0, 0]))
    assert px.batch_shape == batch
    assert px.event_shape == event_shape
    assert px.mean().shape == [*batch, *event_shape]


@pytest.mark.parametrize("spec", specs("likelihood"))
@pytest.mark.parametrize("batch", [[5], [3, 5]])
def test_likelihood_of_spatial_features_is_pointwise(spec, batch):
    layer = zoo.registry.build("likelihood", spec, event_shape=(4, 3, 2))
    layer.build((None, 4, 3, 8))
    h = tf.random.stateless_normal([*batch, 4, 3, 8], [0, 0])
    px = layer(h)
    assert px.batch_shape == batch
    assert px.event_shape == (4, 3, 2)
    # A pixel's parameters depend on its own features only.
    mask = tf.reshape(tf.one_hot(0, 12), [4, 3, 1])
    changed = layer(h + mask).mean() != px.mean()
    assert tf.reduce_any(changed[..., 0, 0, :])
    assert not tf.reduce_any(changed[..., 1:, :, :])


@pytest.mark.parametrize("spec", specs("network"))
@pytest.mark.parametrize("event", EVENTS)
def test_network(spec, event):
    vae = model("network", spec, event)
    assert vae.encode(data_of(vae, 5)).mean().shape == [5, 2]
    assert vae.decode(tf.zeros([3, 5, 2])).mean().shape == [3, 5, *vae.event_shape]


@pytest.mark.parametrize("spec", specs("objective"))
def test_objective_gives_a_number_for_each_example(spec):
    vae = model("objective", spec)
    terms = vae(data("binary", 5))
    assert terms.log_px.shape == terms.log_pz.shape == terms.log_qz.shape == [vae.objective.samples, 5]
    assert vae.objective(terms).shape == [5]


@pytest.mark.parametrize("spec", specs("likelihood"))
def test_a_likelihood_says_which_data_fit(spec):
    assert set(supports(spec)) <= set(zoo.data.support.SUPPORTS)
    assert supports(spec)
