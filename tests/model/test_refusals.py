"""Wrong data, numbers, names and parts are refused with a sentence that says what would do."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.models.image_vae import X, model


@pytest.fixture(scope="module")
def vae():
    """A model that nothing is done to."""
    return model()


def stream(x):
    return tf.data.Dataset.from_tensor_slices(x).batch(4)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[:, 1:], r"Expected data of shape \[B, 4, 4, 1\], got \[7, 3, 4, 1\]"),
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


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "score", "encode", "adapt"])
@pytest.mark.parametrize(
    "x",
    [
        None,
        {"x": X},
        "x",
        tf.sparse.from_dense(X),
        X.astype(complex),
        X.astype(str),
        X.astype(object),
        [["a"]],
        stream({"x": X}),
        stream(X.astype(str)),
        stream(X[:0]),
        tf.data.Dataset.from_tensor_slices(X),
    ],
)
def test_what_holds_no_examples_is_refused_in_a_sentence(vae, method, x):
    with pytest.raises(ValueError, match=r"^Expected [^\n]+\.$"):
        getattr(vae, method)(x)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", -1),
        ("batch_size", 2.5),
        ("batch_size", 10**30),
        ("epochs", "x"),
        ("steps_per_epoch", np.inf),
        ("callbacks", 5),
        ("callbacks", [None]),
        ("sample_weight", 1.0),
        ("sample_weight", [1.0, 2.0]),
    ],
)
def test_arguments_of_fit_are_looked_at(vae, name, value):
    with pytest.raises(ValueError, match=f"^Expected {name} "):
        vae.fit(X, verbose=0, **{name: value})


def test_wrong_shapes_are_refused_in_streams_and_tensors():
    vae = model()
    with pytest.raises(ValueError, match=r"got \[7, 16\]"):
        vae.encode(X.reshape(7, 16))
    with pytest.raises(ValueError, match=r"\[..., 3\], got \[2, 4\]"):
        vae.decode(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"\[B, 4, 4, 1\]"):
        vae.fit(tf.data.Dataset.from_tensor_slices(X[:, None]).batch(4), shuffle=False, verbose=0)


@pytest.mark.parametrize(
    "call",
    [
        lambda vae: vae.fit(stream(3 * X), shuffle=False, verbose=0),
        lambda vae: vae.fit(((3 * X[:4],) for _ in range(2)), shuffle=False, verbose=0),
        lambda vae: vae.fit(X, validation_data=stream(3 * X), verbose=0),
        lambda vae: vae.evaluate(stream(3 * X), verbose=0),
        lambda vae: vae.predict(stream(3 * X), verbose=0),
        lambda vae: vae.encode(3 * X),
        lambda vae: vae.reconstruct(tf.constant(3 * X)),
    ],
)
def test_data_out_of_their_support_are_refused_however_they_come(call):
    vae = model()
    before = [weight.numpy() for weight in vae.posterior.trainable_weights]
    with pytest.raises(ValueError, match=r"\{0, 1\} \(support 'binary'\)"):
        call(vae)
    if vae.optimizer.iterations.numpy() == 0:
        for weight, old in zip(vae.posterior.trainable_weights, before, strict=True):
            np.testing.assert_array_equal(weight, old)
    vae.evaluate(stream(X), verbose=0)  # of good data the next call says nothing


def test_parts_that_were_not_told_of_the_data_are_named():
    x = 50 + 9 * np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    vae = zoo.build("tc_vae", (4,), "real", latent=2, network="mlp(hidden=(5,))")
    vae.compile("adam", run_eagerly=True)
    for data in (x, stream(x)):
        with pytest.warns(UserWarning, match="vae.adapt") as told:
            vae.fit(data, verbose=0)
        words = " ".join(str(warning.message) for warning in told)
        assert "mean and scale" in words
        assert "number of training examples" in words
    vae.adapt(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        vae.fit(x, verbose=0)


def test_standardized_data_need_no_units():
    vae = zoo.build("diag_vae", (4,), "real", latent=2, network="mlp(hidden=(5,))")
    vae.compile("adam", run_eagerly=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        vae.fit(np.random.default_rng(0).normal(size=(50, 4)), verbose=0)
    assert not [str(warning.message) for warning in told if "units" in str(warning.message)]


@pytest.mark.parametrize("argument", ["loss", "metrics", "weighted_metrics", "loss_weights"])
def test_losses_and_metrics_of_keras_are_refused(argument):
    with pytest.raises(ValueError, match=f"Expected no {argument}="):
        model().compile("adam", **{argument: ["mse"]})


def test_export_by_keras_is_refused_with_the_other_one(tmp_path):
    with pytest.raises(NotImplementedError, match=r"export\.saved_model\.export"):
        model().export(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("policy", ["float64", "float16", "bfloat16"])
def test_policies_of_another_precision_are_refused(policy):
    keras.config.set_dtype_policy(policy)
    with pytest.raises(ValueError, match=f"{policy} in the encoder, float32 in the posterior.*mixed_bfloat16"):
        model()


def test_parts_are_known_by_their_roles(capsys):
    vae = model()
    assert all(vae.get_layer(role) is getattr(vae, role) for role in vae.PARTS)
    assert vae.get_layer(index=0) is vae.encoder
    vae.summary()
    said = capsys.readouterr().out
    assert all(role in said for role in vae.PARTS)
    with pytest.raises(ValueError, match="No such layer"):
        vae.get_layer("nothing")


@pytest.mark.parametrize("call", [lambda v: v.generate(0), lambda v: v.score(X, samples=0), lambda v: v.generate(2.5)])
def test_impossible_numbers_are_refused(call):
    with pytest.raises(ValueError, match="Expected"):
        call(model())


def test_parts_that_do_not_fit_each_other_are_refused():
    with pytest.raises(ValueError, match=r"likelihood to have shape \[4, 4, 1\], got \[1\]"):
        model(likelihood=zoo.likelihoods.BernoulliLikelihood((1,)))
    with pytest.raises(ValueError, match=r"needs data in the real numbers"):
        model(likelihood=zoo.likelihoods.NormalLikelihood((4, 4, 1)))
    with pytest.raises(ValueError, match=r"prior to have shape \[3\], got \[4\]"):
        model(prior=zoo.priors.StandardNormalPrior((4,)))
    with pytest.raises(ValueError, match=r"decoder= to have input shape \[None, 3\], got \(None, 5\)"):
        model(decoder=keras.Sequential([keras.Input((5,)), keras.layers.Dense(6)]))
    with pytest.raises(ValueError, match=r"encoder= to have input shape \[None, 4, 4, 1\], got \(None, 16\)"):
        model(encoder=keras.Sequential([keras.Input((16,)), keras.layers.Dense(6)]))
    with pytest.raises(ValueError, match="Expected a name, a spec or a layer as the prior, got 5"):
        model(prior=5)
    with pytest.raises(ValueError, match="Expected the objective to be a Objective"):
        model(objective=zoo.priors.StandardNormalPrior((3,)))
    with pytest.raises(ValueError, match="Expected the prior to be a Prior"):
        model(prior=zoo.posteriors.DiagNormalPosterior((3,)))
    stray = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(8, 4)])  # h [B, 1, 1, 8]
    with pytest.raises(ValueError, match=r"encoder and posterior to return a distribution of batch shape \[2\]"):
        model(encoder=stray)
    stray = keras.Sequential([keras.Input((3,)), keras.layers.Dense(9), keras.layers.Reshape((1, 9))])
    with pytest.raises(ValueError, match=r"decoder and likelihood to return a distribution of batch shape \[3, 2\]"):
        model(decoder=stray)


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
        with pytest.raises(ValueError, match="prior 'mine' is already registered, for Mine"):
            zoo.register("prior", "mine")(zoo.VAE)
    finally:
        del zoo.registry._PARTS["prior", "mine"]


def test_unknown_names_list_the_known_ones():
    with pytest.raises(KeyError, match="diag_vae, tril_vae"):
        zoo.build("trill_vae", (4,), "real")
    with pytest.raises(KeyError, match="binary, levels, simplex"):
        zoo.build("tril_vae", (4,), "integers")
    with pytest.raises(KeyError, match=r"No posterior 'trill'\. Known: diag, .*tril"):
        zoo.build("tril_vae", (4,), "real", posterior="trill")
    with pytest.raises(TypeError, match=r"no part 'postrior'\. It has: latent, posterior"):
        zoo.build("tril_vae", (4,), "real", postrior="tril")
    with pytest.raises(ValueError, match=r"no option 'component'\. It has: components, normal"):
        zoo.build("mog_vae", (4,), "real", prior="mixture(component=3)")


def test_an_option_without_a_default_must_be_given(monkeypatch):
    class Mine(zoo.Prior):
        def __init__(self, event_shape, size):
            super().__init__(event_shape)
            {1: "a size"}[size]

    monkeypatch.setattr(zoo.registry, "_PARTS", zoo.registry._PARTS | {("prior", "mine"): Mine})
    with pytest.raises(ValueError, match=r"prior 'mine' needs the option 'size'\. It has: size"):
        zoo.registry.build("prior", "mine", event_shape=(2,))
    with pytest.raises(KeyError, match="0"):  # a bug of its own is not reworded
        zoo.registry.build("prior", "mine(size=0)", event_shape=(2,))
