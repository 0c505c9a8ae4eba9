"""What is trained: the same sizes and the same data for every library. Needs numpy only."""

from dataclasses import dataclass, fields

import numpy as np

SCALE_FLOOR = 1e-4
SHIFT = 0.5412323  # softplus(SHIFT) + SCALE_FLOOR = 1, as in the zoo
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Task:
    """A model, its data and the number of steps in a round.

    Args:
        posterior: diag, tril, mixture, dirichlet or hierarchical.
        prior: standard, vamp, dirichlet or hierarchical.
        network: mlp, gated_mlp or conv.
        samples: K of the importance-weighted bound; 1 for the ELBO.
        latent: d.
        components: M, the number of pseudo-inputs.
        hidden: units of a hidden layer; there are two.
        pixels: elements of an image, a square number.
        batch: B.
        steps: in a round.
        examples: N, of the training data.
    """

    posterior: str = "diag"
    prior: str = "standard"
    network: str = "mlp"
    samples: int = 1
    latent: int = 40
    components: int = 500
    hidden: int = 300
    pixels: int = 784
    batch: int = 100
    steps: int = 100
    examples: int = 10_000

    @classmethod
    def of(cls, settings):
        """Returns the task in a worker's settings, of which it takes the keys that it has.

        Args:
            settings: a dict.
        """
        names = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in settings.items() if key in names})

    @property
    def side(self):
        """Height and width of an image."""
        return int(self.pixels**0.5)

    @property
    def params_size(self):
        """Number of parameters of q(z|x) for one x, with a diagonal or a full covariance matrix."""
        d = self.latent
        return d + d * (d + 1) // 2 if self.posterior == "tril" else 2 * d

    @property
    def encoder_layers(self):
        """Inputs and outputs of the encoder's dense layers, a list of pairs; the last one gives the parameters of q."""
        factor = 2 if self.network == "gated_mlp" else 1
        n, hidden = self.pixels, self.hidden
        return [(n, factor * hidden), (hidden, factor * hidden), (hidden, self.params_size)]

    @property
    def decoder_layers(self):
        """Inputs and outputs of the decoder's dense layers, a list of pairs."""
        factor = 2 if self.network == "gated_mlp" else 1
        n, hidden = self.pixels, self.hidden
        return [(self.latent, factor * hidden), (hidden, factor * hidden), (hidden, n)]

    @property
    def parameters(self):
        """Number of weights, biases and pseudo-inputs of a model of dense layers."""
        dense = sum((inputs + 1) * outputs for inputs, outputs in self.encoder_layers + self.decoder_layers)
        return dense + (self.components * self.pixels if self.prior == "vamp" else 0)

    @property
    def operations(self):
        """Floating-point operations of the matrix products of a step: forward, and both of the backward pass.

        The first layer has no gradient for the data, but one for pseudo-inputs.
        """
        encoder, decoder = (
            sum(2 * inputs * outputs for inputs, outputs in layers)
            for layers in (self.encoder_layers, self.decoder_layers)
        )
        first = 2 * self.pixels * self.encoder_layers[0][1]
        step = self.batch * (3 * encoder - first + 3 * self.samples * decoder)
        if self.prior == "vamp":
            step += self.components * (3 * encoder + 3 * 4 * self.latent * self.batch)
        return step


def images(count, pixels, seed=0):
    """Returns random binary images, uint8 [count, pixels].

    Args:
        count: number of images.
        pixels: elements of one.
        seed: the same in every worker.
    """
    return np.random.default_rng(seed).integers(0, 2, (count, pixels), np.uint8)


def batches(task, rng):
    """Yields the indices of the batches of a round, int64 [B] each, from shuffled examples.

    Args:
        task: a `Task`.
        rng: a numpy generator.
    """
    order, per_epoch = rng.permutation(task.examples), task.examples // task.batch
    for step in range(task.steps):
        first = step % per_epoch * task.batch
        yield order[first : first + task.batch]
