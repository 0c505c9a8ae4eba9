"""The base class of priors, p(z)."""

import numpy as np
import tensorflow as tf

from zoo.data.lazy_arrays import LazyArray
from zoo.layer import DistributionLayer
from zoo.posteriors.posterior import Posterior


class Prior(DistributionLayer):
    """The base class of priors p(z), of batch shape [].

    To write a subclass: create weights in `build`, which takes the shape of x, and return a `tfd.Distribution` of
    event shape [L] from `call(encode=None)`. `encode` is the model's x ↦ q(z|x), for priors defined through the
    posterior, such as the VampPrior.

    Args:
        event_shape: (L,), the latent size.
    """

    support = "real"  # the support of z
    is_mixture_of_posteriors = False  # whether its components are posteriors, so that `call` needs `encode`

    @property
    def pseudo_inputs(self) -> tf.Tensor | None:
        """Pseudo-inputs [M, *x]; None if the prior has none."""
        return None

    def is_compatible(self, posterior: Posterior) -> bool:
        """Returns whether this prior is a density on the space that a posterior samples from.

        Args:
            posterior: the layer.
        """
        return posterior.support == self.support

    @property
    def compatible_specs(self) -> list[str]:
        """Specs of compatible posteriors that need options, beside those compatible by name."""
        return []

    def set_range(self, low: float, high: float) -> None:
        """Sets the range of x. Called before `adapt`; only priors with pseudo-inputs use it.

        Args:
            low: the smallest value; may be −∞.
            high: the largest value; may be ∞.
        """

    def adapt(self, x: np.ndarray | LazyArray) -> None:
        """Initializes the prior from data; does nothing by default.

        Args:
            x: training data [N, *x].
        """

    def start_from(self, old: "Prior") -> bool:
        """Sets the weights such that p(z) is that of a trained prior of another class, if this one can.

        Args:
            old: the trained layer, of the same event shape.

        Returns:
            Whether it can; by default not.
        """
        return False

    def start_at_codes(self, z: np.ndarray, seed: int) -> None:
        """Sets the weights to a rough fit to draws of q(z), from which maximum likelihood goes on; nothing by default.

        Args:
            z: draws [N, L].
            seed: random seed of the fit.
        """

    @property
    def code_weights(self) -> list:
        """The weights that are learned from draws of q(z) alone: all trainable ones by default."""
        return list(self.trainable_weights)
