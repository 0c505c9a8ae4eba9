"""The model as users meet it: training, evaluation, scores and draws."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.models.image_vae import RNG, X, model


def spread(vae):
    """The model with a posterior that depends much on x, so that its KL is not near zero."""
    vae.posterior.set_weights([10 * w for w in vae.posterior.get_weights()])
    return vae


def weights(vae):
    return np.concatenate([np.ravel(w) for w in vae.get_weights()])


def test_one_seed_gives_one_model_and_leaves_random_as_it_was():
    random.seed(5)
    expected = random.random()
    random.seed(5)
    first = model(seed=1)
    assert random.random() == expected
    assert np.array_equal(weights(first), weights(model(seed=1)))
    assert not np.array_equal(weights(first), weights(model(seed=2)))


def test_loss_is_reconstruction_and_kl():
    scores = model().evaluate(X, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(scores["reconstruction"] + scores["kl"], rel=1e-5)


def test_partial_batches_count_by_their_examples():
    vae = spread(model())
    expected = vae.score(X, samples=1).kl.mean()  # in closed form, so without noise
    assert vae.evaluate(X, batch_size=4, verbose=0, return_dict=True)["kl"] == pytest.approx(expected, rel=1e-5)


def test_sample_weights_weigh_examples():
    vae = spread(model())
    w = np.float32([0, 1, 2, 0, 1, 1, 3])
    kl = vae.score(X, samples=1).kl
    scores = vae.evaluate(X, sample_weight=w, verbose=0, return_dict=True)
    assert scores["kl"] == pytest.approx((w * kl).sum() / w.sum(), rel=1e-5)
    twice = vae.evaluate(X, sample_weight=2 * w, verbose=0, return_dict=True)
    assert twice["loss"] == pytest.approx(2 * scores["loss"], rel=1e-5)
    assert vae.evaluate(X, sample_weight=0 * w, verbose=0, return_dict=True)["loss"] == 0


def test_sample_weights_count_however_they_come():
    none, x = np.zeros(7), X
    vae = model()
    assert vae.evaluate(x, None, 7, 0, none)[0] == 0  # by place
    assert vae.evaluate(tf.constant(x), sample_weight=none, verbose=0)[0] == 0
    for validation in [(x, None, none), (x, np.arange(7), none)]:
        history = vae.fit(x, sample_weight=none, validation_data=validation, epochs=2, verbose=0).history
        assert history["loss"] == history["val_loss"] == [0, 0]


def test_labels_and_streams_make_no_difference():
    plain, labelled, streamed = model(), model(), model()
    plain.fit(X, batch_size=4, shuffle=False, verbose=0)
    labelled.fit(X, np.arange(7), batch_size=4, shuffle=False, verbose=0)
    streamed.fit(tf.data.Dataset.from_tensor_slices(X).batch(4), shuffle=False, verbose=0)
    assert np.array_equal(weights(plain), weights(labelled))
    assert np.array_equal(weights(plain), weights(streamed))


def test_evaluation_is_repeatable_and_does_not_touch_training():
    watched, alone = model(), model()
    assert watched.evaluate(X, verbose=0) == watched.evaluate(X, verbose=0)
    watched.fit(X, validation_data=(X,), epochs=2, shuffle=False, verbose=0)
    alone.fit(X, epochs=2, shuffle=False, verbose=0)
    assert np.array_equal(weights(watched), weights(alone))


def test_predict_reconstructs():
    vae = model()
    np.testing.assert_allclose(vae.predict(X, verbose=0), vae.reconstruct(X), rtol=1e-5)


def test_encode_gives_a_full_covariance():
    covariance = model().encode(X).covariance().numpy()
    assert covariance.shape == (7, 3, 3)
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_generate():
    vae = model()
    assert vae.generate(16).shape == (16, 4, 4, 1)
    assert np.array_equal(vae.generate(3, seed=1), vae.generate(3, seed=1))
    assert not np.array_equal(vae.generate(3, seed=1), vae.generate(3, seed=2))
    assert not np.array_equal(vae.generate(3), vae.generate(3))
    assert vae.generate(2).numpy().min() >= 0


def test_scores():
    vae = model()
    scores = vae.score(X, samples=50, seed=3)
    assert all(values.shape == (7,) for values in scores[:-1])
    assert scores.curve.shape == (7, 3)  # of 1, 10 and 50 draws
    np.testing.assert_allclose(scores.elbo, -scores.reconstruction - scores.kl, rtol=1e-5)
    assert scores.log_likelihood.mean() > scores.elbo.mean()  # log of a mean, mean of logs
    assert np.array_equal(scores.log_likelihood, vae.log_likelihood(X, samples=50, seed=3))
    assert not np.array_equal(scores.log_likelihood, vae.log_likelihood(X, samples=50, seed=4))


def test_scores_of_many_chunks(monkeypatch):
    vae = spread(model())
    kl = vae.score(X, samples=5).kl
    monkeypatch.setattr("zoo.model.scores.POINTS_PER_CHUNK", 10)  # two rows at a time
    np.testing.assert_allclose(vae.score(X, samples=5).kl, kl, rtol=1e-5)


def test_data_are_not_rounded_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    vae = model(support="real", likelihood="normal(scale=0.05)")
    x = np.float32(RNG.normal(size=(5, 4, 4, 1)))
    terms = vae(x)
    exact = vae.decode(terms.z).log_prob(x)
    rounded = vae.decode(terms.z).log_prob(tf.cast(tf.cast(x, tf.bfloat16), tf.float32))
    np.testing.assert_allclose(terms.log_px, exact, rtol=1e-5)
    assert not np.allclose(terms.log_px, rounded, rtol=1e-4)


def test_networks_know_when_they_are_trained():
    norm, drop = keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)
    encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(9), norm, drop])
    vae = model(encoder=encoder)
    start = np.array(norm.moving_mean)
    vae.evaluate(X, verbose=0)
    vae.predict(X, verbose=0)
    assert np.array_equal(norm.moving_mean, start)
    assert np.array_equal(vae.score(X, samples=2).kl, vae.score(X, samples=2).kl)
    vae.fit(X, verbose=0)
    assert not np.array_equal(norm.moving_mean, start)


def test_adapting_twice_is_reproducible_and_checks_its_data():
    vae = model("vamp_vae", prior="vamp(components=3)")
    vae.adapt(X)
    first = vae.prior.pseudo_inputs.numpy()
    vae.adapt(X)
    assert np.array_equal(vae.prior.pseudo_inputs, first)
    for wrong in (X[:, 1:], X * np.nan, X[:0]):
        with pytest.raises(ValueError):
            vae.adapt(wrong)


def test_penalties_of_layers_are_in_the_loss():
    def encoder(penalty):
        dense = keras.layers.Dense(5, kernel_regularizer=keras.regularizers.L2(penalty))
        return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), dense])

    plain, penalised = model(encoder=encoder(0.0)), model(encoder=encoder(0.5))
    penalised.set_weights(plain.get_weights())
    kernel = penalised.encoder.layers[-1].kernel.numpy()
    norm = np.square(kernel).sum()
    difference = penalised.evaluate(X, verbose=0)[0] - plain.evaluate(X, verbose=0)[0]
    assert difference == pytest.approx(0.5 * norm, rel=1e-4)
    for vae in (plain, penalised):
        vae.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        vae.fit(X, batch_size=len(X), shuffle=False, verbose=0)
    steps = [vae.encoder.layers[-1].kernel.numpy() for vae in (plain, penalised)]
    np.testing.assert_allclose(steps[0] - steps[1], 0.1 * 0.5 * 2 * kernel, atol=1e-5)  # the penalty's own gradient


def test_describe():
    diag, tril = zoo.describe("diag_vae", latent=20), zoo.describe("tril_vae", latent=20)
    assert (diag.latent_parameters, tril.latent_parameters) == (40, 230)
    assert tril.parts["posterior"][0] == "tril"
    assert sum(count for _, count in tril.parts.values()) == tril.total
    assert "230" in repr(tril)


@pytest.mark.parametrize(("event_shape", "streamed"), [((4, 4, 1), False), ((4, 4), True)])
def test_images_with_and_without_an_axis_of_channels(event_shape, streamed):
    vae = zoo.build("vamp_vae", event_shape, "binary", latent=2, network="mlp(hidden=(8,))", prior="vamp(components=3)")
    vae.compile("adam", run_eagerly=True)
    own, other = X.reshape(7, *event_shape), X.reshape(7, *({(4, 4), (4, 4, 1)} - {event_shape}).pop())
    first = weights(vae)
    if streamed:
        vae.fit(tf.data.Dataset.from_tensors(other), verbose=0)
    else:
        vae.fit(other, validation_data=(tf.constant(other),), verbose=0)
    assert not np.array_equal(weights(vae), first)
    vae.adapt(other)
    np.testing.assert_array_equal(vae.encode(other).mean(), vae.encode(own).mean())
    np.testing.assert_array_equal(vae.score(other, samples=3).elbo, vae.score(own, samples=3).elbo)
    assert vae.predict(other, verbose=0).shape == own.shape
    with pytest.raises(ValueError, match=r"got \[7, 1, 4, 4\]"):
        vae.encode(X.reshape(7, 1, 4, 4))
