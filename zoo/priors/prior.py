"""Prior, p(z): the layer that all of them share."""

import numpy as np
import tensorflow as tf

from zoo.layer import DistributionLayer
from zoo.posteriors.posterior import Posterior


class Prior(DistributionLayer):
    """p(z), of batch shape [].

    To write one: make weights in `build`, which gets the shape of x, and return a `tfd.Distribution` of
    event shape [L] from `call(encode=None)`; `encode` is the model's x ↦ q(z|x), for priors that are made of
    posteriors.

    Args:
        event_shape: (L,), the latent size.
    """

    space = "real"  # the support of z
    of_posteriors = False  # whether it is made of them, and so needs `encode`

    @property
    def pseudo_inputs(self) -> tf.Tensor | None:
        """Data [M, *x] whose posteriors the prior is a mixture of; None unless it is one."""
        return None

    def is_compatible(self, posterior: Posterior) -> bool:
        """Returns whether this is a density on the space of a posterior's draws.

        Args:
            posterior: the layer.
        """
        return posterior.space == self.space

    @property
    def compatible_specs(self) -> list[str]:
        """Specs of posteriors that it fits, besides the plain names."""
        return []

    def limit(self, low: float, high: float) -> None:
        """Sets the range of x. Called before `adapt`; only priors with pseudo-inputs use it.

        Args:
            low: the least value; may be −∞.
            high: the greatest value; may be ∞.
        """

    def adapt(self, x: np.ndarray) -> None:
        """Initializes the prior at data; nothing, unless a class says otherwise.

        Args:
            x: training data [N, *x].
        """
