"""The methods of the VAE that estimate log p(x)."""

from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from zoo.checks import check_seed
from zoo.model.estimation import ais, importance
from zoo.model.estimation import bdmc as bidirectional
from zoo.model.estimation.annealing import anneal
from zoo.model.estimation.start import start_of
from zoo.registry import build

METHOD = "log-likelihood method"
Array: TypeAlias = "np.ndarray | tf.Tensor"


class LikelihoodMethods:
    """Estimates of log p(x), by importance sampling or annealed importance sampling."""

    def log_likelihood(
        self,
        x: Array,
        samples: int = importance.SAMPLES,
        seed: int = 0,
        progress: bool = False,
        method: str | dict[str, Any] = "importance",
    ) -> np.ndarray:
        """Estimates log p(x) of each example in nats [N].

        Args:
            x: data [N, *x].
            samples: K, importance samples per example.
            seed: random seed of the draws.
            progress: whether to show a progress bar.
            method: "importance"; "importance(budget=20000)", with more samples where they are needed;
                "refined(steps=300)", from q(z|x) refined for each example; or annealed importance sampling,
                "ais(temperatures=1000, chains=16)", slow and the most accurate.

        Raises:
            KeyError: no such method.
            ValueError: `x` has another shape or support than the model's, or an option is out of range.
        """
        return build(METHOD, method).log_likelihood(self, x, samples, check_seed(seed), progress)

    def estimate_log_likelihood(
        self, x: Array, method: str | dict[str, Any] = "ais", seed: int = 0, progress: bool = False
    ) -> "ais.AISScores | importance.ImportanceScores":
        """Estimates log p(x) of each example, with what shows how far the estimate can be trusted.

        Args:
            x: data [N, *x].
            method: as that of `log_likelihood`.
            seed: random seed of the draws.
            progress: whether to show a progress bar.

        Returns:
            `AISScores` or `ImportanceScores`, arrays [N].

        Raises:
            KeyError, ValueError: as `log_likelihood`.
        """
        return build(METHOD, method).estimate(self, x, check_seed(seed), progress)

    def bdmc(
        self, examples: int = 100, method: str | dict[str, Any] = "ais", seed: int = 0, progress: bool = False
    ) -> bidirectional.BDMCScores:
        """Bounds log p(x) of generated examples from both sides, to tell how accurate `method` is for this model.

        Args:
            examples: N, number of examples to generate.
            method: annealed importance sampling, e.g. "ais(temperatures=1000, chains=16)".
            seed: random seed of the examples and the chains.
            progress: whether to show a progress bar.

        Returns:
            `BDMCScores`, arrays [N].

        Raises:
            KeyError: no such method.
            ValueError: `method` is another one, or `examples` is under 1.
        """
        return bidirectional.bdmc(self, build(METHOD, method), examples, check_seed(seed), progress)

    def anneal(self, x: tf.Tensor, start: Any, *arguments: Any) -> tuple:
        """Anneals chains, compiled; takes the arguments of `zoo.model.estimation.annealing.anneal` after the model."""
        vae: Any = self
        convolves = any(len(weight.shape) > 2 for weight in vae.decoder.weights)
        compiled = self._annealed if convolves else self._annealed_by_xla  # XLA's convolutions are slow on CPUs
        return compiled(x, start.loc, start.root, *arguments, origin=start.origin, lora=vae.lora.key)

    def _anneal(self, x, loc, root, *arguments, origin, lora):
        """Anneals chains; traced again for other low-rank updates."""
        return anneal(self, x, start_of(self, x, origin, loc, root), *arguments)

    _annealed, _annealed_by_xla = tf.function(_anneal), tf.function(_anneal, jit_compile=True)
