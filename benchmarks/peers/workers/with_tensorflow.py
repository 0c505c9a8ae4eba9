"""Floors in TensorFlow, matrix products and Adam alone; and TFP's density of a mixture."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from benchmarks.aggregated import mixture
from benchmarks.peers.workers.protocol import seconds_of, serve
from benchmarks.peers.workers.task import LEARNING_RATE, Task, images
from zoo.probability import tfd, tfp

STEPS = 10  # in one XLA program
PRODUCTS = 20  # in a round, of each pair of matrices


def prepare(settings):
    """Prepares the work that settings name.

    Args:
        settings: `work`: floor, products or density, and its sizes.
    """
    works = {"floor": floor, "products": matrix_products, "density": density}
    return works[settings["work"]](settings), {"versions": {"tensorflow": tf.__version__, "tfp": tfp.__version__}}


def floor(settings):
    """Returns a function that computes the products and Adam's updates of training steps, ten in one XLA program."""
    task = Task.of(settings)
    weights = [tf.Variable(value) for value in initial_weights(task)]
    moments = [[tf.Variable(tf.zeros_like(w)) for w in weights] for _ in range(2)]
    count = tf.Variable(0.0)
    data = tf.constant(images(task.examples, task.pixels), tf.float32)
    rng = np.random.default_rng(1)

    @tf.function(jit_compile=True)
    def take_steps(x):
        for step in tf.range(STEPS):
            gradients = products(task, weights, x[step])
            count.assign_add(1.0)
            rate = LEARNING_RATE * tf.sqrt(1 - 0.999**count) / (1 - 0.9**count)
            for w, m, v, g in zip(weights, *moments, gradients, strict=True):
                m.assign(0.9 * m + 0.1 * g)
                v.assign(0.999 * v + 0.001 * g * g)
                w.assign_sub(rate * m / (tf.sqrt(v) + 1e-7))

    def run():
        for _ in range(task.steps // STEPS):
            index = rng.integers(0, task.examples, (STEPS, task.batch))
            take_steps(tf.gather(data, index))
        weights[0][0, 0].numpy()  # waits for the last step

    run()
    return lambda: {"seconds": seconds_of(run, task.steps)}


def initial_weights(task):
    """Returns the matrices of a task's dense layers, from the encoder on, and a VampPrior's pseudo-inputs."""
    rng = np.random.default_rng(0)
    matrices = [np.float32(rng.normal(0, i**-0.5, (i, o))) for i, o in task.encoder_layers + task.decoder_layers]
    return [*matrices, np.float32(rng.random((task.components, task.pixels)))] if task.prior == "vamp" else matrices


def products(task, weights, x):
    """Returns the gradients of a linear autoencoder: each layer's product, and both of its backward pass.

    With K draws the decoder has K × B rows; with a VampPrior the pseudo-inputs pass the encoder too, get a gradient,
    and the mixture's density takes two products and their gradients.
    """
    w1, w2, w3, w4, w5, w6, *pseudo_inputs = weights
    with tf.GradientTape() as tape:
        params = x @ w1 @ w2 @ w3
        z = tf.tile(params[:, : task.latent], [task.samples, 1])
        out = z @ w4 @ w5 @ w6
        loss = 0.5 * tf.reduce_mean(tf.square(out - tf.tile(x, [task.samples, 1])))
        loss += 1e-4 * tf.reduce_mean(tf.square(params[:, task.latent :]))
        for u in pseudo_inputs:
            mean, other = tf.split(u @ w1 @ w2 @ w3, 2, axis=-1)
            loss += 1e-4 * tf.reduce_mean(tf.square(tf.square(z) @ tf.transpose(other) + z @ tf.transpose(mean)))
    return tape.gradient(loss, weights)


def matrix_products(settings):
    """Returns a function that multiplies matrices in one XLA program; seconds a unit.

    Settings: `layers`, pairs of inputs and outputs; `rows` of each left matrix; `units` that they are divided by.
    """
    rng, rows = np.random.default_rng(0), settings["rows"]
    pairs = [[tf.constant(np.float32(rng.random(s))) for s in ((rows, i), (i, o))] for i, o in settings["layers"]]
    compiled = tf.function(lambda: [a @ b for a, b in pairs], jit_compile=True)

    def run():
        for _ in range(PRODUCTS):
            outputs = compiled()
        outputs[-1][0, 0].numpy()

    run()
    return lambda: {"seconds": seconds_of(run, PRODUCTS * settings["units"])}


def density(settings):
    """Returns a function that computes TFP's log-density of a mixture under XLA, in chunks; seconds a point."""
    tensors, family = mixture("diag", settings["components"], settings["latent"])
    theirs = tfd.MixtureSameFamily(tfd.Categorical(logits=tf.zeros(len(tensors[0]))), family(*tensors))
    compiled, chunk = tf.function(theirs.log_prob, jit_compile=True), settings["chunk"]
    # From some components: TFP's own sampling would draw from all of them for each point, 8 MB a point.
    index = tf.random.stateless_uniform([settings["points"]], [0, 1], 0, len(tensors[0]), tf.int32)
    z = family(*(tf.gather(tensor, index) for tensor in tensors)).sample(seed=[0, 2])

    def run():
        for i in range(0, len(z), chunk):
            compiled(z[i : i + chunk]).numpy()

    compiled(z[:chunk])
    return lambda: {"seconds": seconds_of(run, len(z))}


if __name__ == "__main__":
    serve(prepare)
