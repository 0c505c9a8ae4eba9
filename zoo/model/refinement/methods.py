"""The method of the VAE that refines q(z|x), and its result."""

from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.checks import MAX_SAMPLES, check_float, check_int, check_seed
from zoo.model.refinement import importance  # noqa: F401  # registers a method of `log_likelihood`
from zoo.model.refinement.ascent import DRAWS, LEARNING_RATE
from zoo.model.refinement.refiner import Refiner, Refiners, examples
from zoo.model.scores import Scores
from zoo.probability import tfd


class Refinement:
    """The refined q(z|x) of N examples.

    Attributes:
        elbo: E_q log p(x, z) / q(z|x) of the refined q(z|x), in nats [N].
        amortized_elbo: that of the encoder's q(z|x) [N].
        params: parameters of the refined q(z|x), the unconstrained outputs of the posterior's last layer [N, P].
    """

    def __init__(self, refiner: Refiner, x: np.ndarray, params: np.ndarray, elbo: np.ndarray, amortized: np.ndarray):
        self._refiner, self._x = refiner, x
        self.params, self.elbo, self.amortized_elbo = params, elbo, amortized

    @cached_property
    def distribution(self) -> tfd.Distribution:
        """The refined q(z|x), batch [N], event [L]."""
        return self._refiner.family.layer.distribution(tf.constant(self.params))

    @property
    def amortization_gap(self) -> np.ndarray:
        """How much the refinement raises the ELBO, in nats [N].

        In the model's own family, it is the amortization gap L[q*] − L[q] (Cremer et al., 2018, arXiv:1801.03558), and
        at the same time the likelihood regret, a score of outliers that is high for data unlike the training data (Xiao
        et al., 2020, arXiv:2003.02977, who also optimize the encoder's weights in place of the parameters of q(z|x)).
        """
        return self.elbo - self.amortized_elbo

    def log_likelihood(self, samples: int = 1000, seed: int = 0, progress: bool = False) -> np.ndarray:
        """Estimates log p(x) of each example in nats [N]. Takes the arguments of `score`."""
        return self.score(samples, seed, progress).log_likelihood

    def score(self, samples: int = 1000, seed: int = 0, progress: bool = False) -> Scores:
        """Estimates the ELBO, log p(x) and their terms for each example, from K draws of the refined q(z|x).

        Args:
            samples: K, importance samples per example.
            seed: random seed of the draws.
            progress: whether to show a progress bar.

        Returns:
            `Scores`, arrays [N], as of `VAE.score`.

        Raises:
            ValueError: `samples` is under 1.
        """
        samples, seed = check_int(samples, "samples", below=MAX_SAMPLES + 1), check_seed(seed)
        return self._refiner.score(self._x, self.params, samples, seed, progress)


class RefinementMethods:
    """The method of the VAE that refines q(z|x) for each example."""

    def refine(
        self,
        x: np.ndarray | tf.Tensor,
        steps: int = 300,
        posterior: Any = None,
        samples: int = DRAWS,
        learning_rate: float = LEARNING_RATE,
        seed: int = 0,
        progress: bool = False,
    ) -> Refinement:
        """Optimizes the parameters of q(z|x) of each example, starting from the encoder's (arXiv:1802.02550).

        Adam raises the ELBO, whatever the training objective is, of the outputs of the posterior's last layer; the
        weights of the model stay as they are. A posterior without such a layer, such as "hierarchical", is refined
        through the features h that it is computed from; of a flow, the base distribution and the context c(x) are
        refined. Each step has draws of its own, so that q(z|x) does not adapt to them. Parameters are compared ten
        times, on 200 other draws that stay the same, and the best ones are kept: in that ELBO, the refined q(z|x) is
        never worse than the one it started from. All draws are the same for all examples, so that the result for an
        example does not depend on the others, up to rounding.

        In another family, with `posterior`, a diagonal q(z|x) starts as the same distribution, and any normal one
        becomes the same "tril" or "std_corr". Otherwise "tril" and "std_corr" start at the mean and covariance of the
        encoder's q(z|x), and other families at its mean and standard deviations: the refined q(z|x) may then be worse
        than the encoder's.

        Args:
            x: data [N, *x].
            steps: optimizer steps.
            posterior: spec of the family, e.g. "tril"; None for the model's own.
            samples: draws of z per example and step; of a mixture, for all components together.
            learning_rate: Adam's learning rate in the first step; it falls to zero by a cosine.
            seed: random seed of the draws.
            progress: whether to show a progress bar.

        Returns:
            A `Refinement`, with `distribution`, `elbo`, `amortized_elbo`, `amortization_gap` and `log_likelihood`.

        Raises:
            KeyError: no such posterior.
            ValueError: `x` has another shape or support than the model's, a number is out of range, or the family has
                weights besides the parameters of each q(z|x), such as another flow than the model's own.
        """
        steps, samples, seed = check_int(steps, "steps"), check_int(samples, "samples"), check_seed(seed)
        rate = check_float(learning_rate, "learning_rate", minimum=0)
        refiner, x = self.refiners.get(posterior, samples), examples(self, x)
        return Refinement(refiner, x, *refiner.refine(x, steps, rate, seed, progress))

    @property
    def refiners(self) -> Refiners:
        """The compiled functions of `refine`, by family."""
        if "_refiners" not in vars(self):
            self._refiners = Refiners(self)
        return self._refiners
