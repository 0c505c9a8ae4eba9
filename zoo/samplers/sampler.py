"""The base class of samplers, p̂(z)."""

from typing import TYPE_CHECKING

import numpy as np

from zoo.checks import check_seed
from zoo.priors.prior import Prior

if TYPE_CHECKING:
    from zoo.model.vae import VAE


class Sampler(Prior):
    """The base class of samplers p̂(z): fitted to encoded data after training, and saved with the model.

    To write a subclass: create and set the weights in `fit(vae, x)`, and return the distribution from `call`, as in a
    prior. The config must determine the weights' shapes, so that a sampler can be loaded without data.

    Args:
        event_shape: (L,), the latent size.
        seed: random seed of all choices and draws.
    """

    min_examples = 1  # minimum number of examples to fit it
    fitted_options: tuple[str, ...] = ()  # constructor arguments that `fit` sets

    def __init__(self, event_shape, seed=0, **kwargs):
        super().__init__(event_shape, trainable=False, **kwargs)
        self.seed = check_seed(seed)

    def fit(self, vae: "VAE", x: np.ndarray, progress: bool = True) -> None:
        """Fits the sampler to data.

        Args:
            vae: the trained `zoo.VAE`.
            x: training data [N, *x].
            progress: whether to show a progress bar.
        """
        raise NotImplementedError

    def unfitted(self) -> "Sampler":
        """Returns a sampler with the same options, to be fitted."""
        config = {name: value for name, value in self.get_config().items() if name not in self.fitted_options}
        return type(self).from_config(config)

    def get_config(self):
        config = super().get_config() | {"seed": self.seed}
        config.pop("trainable")
        return config
