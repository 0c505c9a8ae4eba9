"""Sampler, p̂(z): the layer that all of them share."""

from typing import TYPE_CHECKING

import numpy as np

from zoo.checks import seed_number
from zoo.priors.prior import Prior

if TYPE_CHECKING:
    from zoo.model.vae import VAE


class Sampler(Prior):
    """p̂(z), fitted to where the data are in latent space; not trained, but saved with the model.

    To write one: `fit(vae, x)` makes the weights and fills them; `call` returns the distribution, as any
    prior's does. What decides on the weights' shapes goes into the config, so that one that is read from a file can be
    built without data.

    Args:
        event_shape: (L,), the latent size.
        seed: of all choices and draws.
    """

    least = 1  # how many examples it takes to be fitted

    def __init__(self, event_shape, seed=0, **kwargs):
        super().__init__(event_shape, trainable=False, **kwargs)
        self.seed = seed_number(seed)

    def fit(self, vae: "VAE", x: np.ndarray, progress: bool = True) -> None:
        """Fits it.

        Args:
            vae: the trained `zoo.VAE`.
            x: training data [N, *x].
            progress: whether to show a progress bar.
        """
        raise NotImplementedError

    def get_config(self):
        config = super().get_config() | {"seed": self.seed}
        config.pop("trainable")
        return config
