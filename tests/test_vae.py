"""The model as users meet it."""

import math
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo

RNG = np.random.default_rng(0)
X = RNG.integers(0, 2, (7, 4, 4, 1)).astype(np.float32)


def model(name="tril_vae", support="binary", **overrides):
    overrides = {"latent": 3, "network": "gated_mlp(hidden=(8, 8))"} | overrides
    vae = zoo.build(name, (4, 4, 1), support, **overrides)
    vae.compile("adam", run_eagerly=True)
    return vae


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
    assert all(values.shape == (7,) for values in scores)
    np.testing.assert_allclose(scores.elbo, -scores.reconstruction - scores.kl, rtol=1e-5)
    assert scores.log_likelihood.mean() > scores.elbo.mean()  # log of a mean, mean of logs
    assert np.array_equal(scores.log_likelihood, vae.log_likelihood(X, samples=50, seed=3))
    assert not np.array_equal(scores.log_likelihood, vae.log_likelihood(X, samples=50, seed=4))


def test_scores_of_many_chunks(monkeypatch):
    vae = spread(model())
    kl = vae.score(X, samples=5).kl
    monkeypatch.setattr("zoo.vae.POINTS", 10)  # two rows at a time
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


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[..., 0], r"Expected data of shape \[B, 4, 4, 1\], got \[7, 4, 4\]"),
        (X * np.nan, "finite"),
        (X + 1, r"\{0, 1\}.*\[1, 2\]"),
        (X[:0], "empty"),
        (X.astype(str), "numbers"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "score"])
def test_wrong_data_are_refused(x, message, method):
    with pytest.raises(ValueError, match=message):
        getattr(model(), method)(x)


def test_wrong_tensors_are_refused():
    with pytest.raises(ValueError, match=r"\{0, 1\}.*\[3, 3\]"):
        model().fit(tf.fill([2, 4, 4, 1], 3.0))
    with pytest.raises(ValueError, match="validation data"):
        model().fit(X, validation_data=(X + 1,))


def test_wrong_shapes_are_refused_in_streams_and_tensors():
    vae = model()
    with pytest.raises(ValueError, match=r"got \[7, 16\]"):
        vae.encode(X.reshape(7, 16))
    with pytest.raises(ValueError, match=r"\[..., 3\], got \[2, 4\]"):
        vae.decode(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"\[B, 4, 4, 1\]"):
        vae.fit(tf.data.Dataset.from_tensor_slices(X[..., 0]).batch(4), shuffle=False, verbose=0)


@pytest.mark.parametrize("call", [lambda v: v.generate(0), lambda v: v.score(X, samples=0), lambda v: v.generate(2.5)])
def test_impossible_numbers_are_refused(call):
    with pytest.raises(ValueError, match="Expected"):
        call(model())


def test_parts_that_do_not_fit_each_other_are_refused():
    with pytest.raises(ValueError, match=r"likelihood of shape \[4, 4, 1\], got one of \[1\]"):
        model(likelihood=zoo.likelihoods.Bernoulli((1,)))
    with pytest.raises(ValueError, match=r"needs data in the real numbers"):
        model(likelihood=zoo.likelihoods.Normal((4, 4, 1)))
    with pytest.raises(ValueError, match=r"prior of shape \[3\], got one of \[4\]"):
        model(prior=zoo.priors.StandardNormal((4,)))
    with pytest.raises(ValueError, match=r"decoder a Keras model of \[3\], got one of \(None, 5\)"):
        model(decoder=keras.Sequential([keras.Input((5,)), keras.layers.Dense(6)]))
    with pytest.raises(ValueError, match=r"encoder a Keras model of \[4, 4, 1\], got one of \(None, 16\)"):
        model(encoder=keras.Sequential([keras.Input((16,)), keras.layers.Dense(6)]))
    with pytest.raises(ValueError, match="Expected a name, a spec or a layer as the prior, got 5"):
        model(prior=5)
    with pytest.raises(ValueError, match="Expected as the objective a Objective"):
        model(objective=zoo.priors.StandardNormal((3,)))
    with pytest.raises(ValueError, match="Expected as the prior a Prior"):
        model(prior=zoo.posteriors.MultivariateNormalDiag((3,)))
    stray = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(8, 4)])  # h [B, 1, 1, 8]
    with pytest.raises(ValueError, match=r"encoder and posterior a distribution of batch shape \[2\]"):
        model(encoder=stray)
    stray = keras.Sequential([keras.Input((3,)), keras.layers.Dense(9), keras.layers.Reshape((1, 9))])
    with pytest.raises(ValueError, match=r"decoder and likelihood a distribution of batch shape \[3, 2\]"):
        model(decoder=stray)


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


def test_whole_numbers_of_any_kind():
    vae = zoo.build("diag_vae", tf.TensorShape([4]), "real", latent=np.int64(3), seed=np.int32(2))
    assert vae.generate(np.int64(2)).shape == (2, 4)
    for wrong in (True, 2.0, 0, "3", None):
        with pytest.raises(ValueError, match="whole number"):
            zoo.build("diag_vae", 4, "real", latent=wrong)
    with pytest.raises(ValueError, match="seed"):
        zoo.build("diag_vae", 4, "real", seed=2**32)


def test_a_part_may_be_registered_again_but_no_name_taken_twice():
    @zoo.register("prior", "mine")
    class Mine(zoo.DistributionLayer):
        pass

    try:
        zoo.register("prior", "mine")(Mine)
        with pytest.raises(ValueError, match="prior 'mine' is already Mine"):
            zoo.register("prior", "mine")(zoo.VAE)
    finally:
        del zoo.registry._PARTS["prior", "mine"]


@keras.saving.register_keras_serializable("tests")
class Own(keras.Model):
    """A subclassed network, not built."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(6, "relu")

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, math.prod(x.shape[1:]))))


NETWORKS = {
    "sequential": lambda *inputs: keras.Sequential([*inputs, keras.layers.Flatten(), keras.layers.Dense(6, "relu")]),
    "subclassed": lambda *inputs: Own(),
}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("built", [True, False])
def test_a_network_of_ones_own(kind, built, tmp_path):
    encoder, decoder = (NETWORKS[kind](*([keras.Input(shape)] if built else [])) for shape in [(4, 4, 1), (3,)])
    vae = model(encoder=encoder, decoder=decoder)
    assert vae.reconstruct(X).shape == X.shape
    zoo.save(vae, tmp_path)
    np.testing.assert_array_equal(zoo.load(tmp_path).reconstruct(X), vae.reconstruct(X))


@pytest.mark.parametrize("encoder", ["mlp", 5, lambda x: x, keras.layers.Dense(3)])
def test_what_is_no_network_is_refused(encoder):
    with pytest.raises(ValueError, match="Expected as the encoder a Keras model, got"):
        model(encoder=encoder)


def test_an_encoder_of_two_outputs_is_refused():
    x = keras.Input((4, 4, 1))
    with pytest.raises(ValueError, match="one output"):
        model(encoder=keras.Model(x, [x, x]))


def test_adapting_twice_is_reproducible_and_checks_its_data():
    vae = model("vamp_vae", prior="vamp(components=3)")
    vae.adapt(X)
    first = vae.prior.pseudo_inputs.numpy()
    vae.adapt(X)
    assert np.array_equal(vae.prior.pseudo_inputs, first)
    for wrong in (X[..., 0], X * np.nan, X[:0]):
        with pytest.raises(ValueError):
            vae.adapt(wrong)


def test_penalties_of_layers_are_in_the_loss():
    def encoder(penalty):
        dense = keras.layers.Dense(5, kernel_regularizer=keras.regularizers.L2(penalty))
        return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), dense])

    plain, penalised = model(encoder=encoder(0.0)), model(encoder=encoder(0.5))
    penalised.set_weights(plain.get_weights())
    norm = np.square(penalised.encoder.layers[-1].kernel.numpy()).sum()
    difference = penalised.evaluate(X, verbose=0)[0] - plain.evaluate(X, verbose=0)[0]
    assert difference == pytest.approx(0.5 * norm, rel=1e-4)


def test_describe():
    diag, tril = zoo.describe("diag_vae", latent=20), zoo.describe("tril_vae", latent=20)
    assert (diag.latent_parameters, tril.latent_parameters) == (40, 230)
    assert tril.parts["posterior"][0] == "tril"
    assert sum(count for _, count in tril.parts.values()) == tril.total
    assert "230" in repr(tril)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(KeyError, match="diag_vae, tril_vae"):
        zoo.build("trill_vae", (4,), "real")
    with pytest.raises(KeyError, match="binary, unit, real"):
        zoo.build("tril_vae", (4,), "integers")
    with pytest.raises(KeyError, match=r"No posterior 'trill'\. Known: diag, .*tril"):
        zoo.build("tril_vae", (4,), "real", posterior="trill")
    with pytest.raises(TypeError, match=r"no part 'postrior'\. It has: latent, posterior"):
        zoo.build("tril_vae", (4,), "real", postrior="tril")
    with pytest.raises(ValueError, match=r"no option 'component'\. It has: components, normal"):
        zoo.build("mog_vae", (4,), "real", prior="mixture(component=3)")
