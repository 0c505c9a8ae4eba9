"""Samplers that are mixtures of normals."""

import numpy as np
import tensorflow as tf

from zoo.aggregated import aggregated_posterior
from zoo.checks import check_int
from zoo.distributions.mixtures.mixture import MixtureSameFamily
from zoo.probability import tfd
from zoo.registry import register
from zoo.samplers.sampler import Sampler

MAX_DRAWS = 20_000  # maximum number of draws of the aggregated posterior to fit a mixture to


class NormalMixtureSampler(Sampler):
    """p̂(z) = Σₘ πₘ N(μₘ, Σₘ).

    Args:
        event_shape: (L,), the latent size.
        components: M, the number of components.
        seed: random seed of the fit.
    """

    def __init__(self, event_shape, components=10, seed=0, **kwargs):
        super().__init__(event_shape, seed, **kwargs)
        self.components = check_int(components, "components")

    def build(self, x_shape):
        m, (d,) = self.components, self.event_shape
        for name, shape in {"logits": (m,), "loc": (m, d), "scale_tril": (m, d, d)}.items():
            setattr(self, name, self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name))
        super().build(x_shape)

    def call(self, encode=None):
        weights = tfd.Categorical(logits=tf.convert_to_tensor(self.logits))
        return MixtureSameFamily(weights, tfd.MultivariateNormalTriL(self.loc.value, self.scale_tril.value))

    def set_mixture(self, log_weights, loc, scale_tril):
        """Sets the weights log πₘ [M], means μₘ [M, L] and Cholesky factors Lₘ [M, L, L] of Σₘ = Lₘ Lₘᵀ."""
        self.components = len(loc)
        self.build(None)
        self.set_weights([log_weights, loc, scale_tril])

    def get_config(self):
        return super().get_config() | {"components": self.components}


@register("sampler", "gmm")
class GaussianMixtureSampler(NormalMixtureSampler):
    """A mixture of normals with full covariance matrices, fitted by scikit-learn to draws of the posteriors.

    An ex-post density estimate (Ghosh et al., 2020, arXiv:1903.12436), fitted to one draw of q(z|x) for each of up to
    20,000 examples.

    Args:
        event_shape: (L,), the latent size.
        components: M, the number of components.
        seed: random seed of the draws and of the fit.
    """

    @property
    def min_examples(self):
        """Minimum number of examples to fit it."""
        return max(2, self.components)

    def fit(self, vae, x, progress=True):
        from sklearn.mixture import GaussianMixture  # here, because few need it, and it takes 0.1 s

        aggregated = aggregated_posterior(vae, x, subsample=min(len(x), MAX_DRAWS), seed=self.seed, progress=progress)
        if aggregated.count < self.min_examples:
            raise ValueError(
                f"Expected {self.min_examples} examples or more for a mixture of {self.components}, got "
                f"{aggregated.count}. Use fewer components, e.g. 'gmm(components=2)'."
            )
        z = aggregated.components(tf.range(aggregated.count)).sample(seed=[self.seed, 0])
        fitted = GaussianMixture(self.components, random_state=self.seed, max_iter=200).fit(np.float64(z))
        self.set_mixture(np.log(fitted.weights_), fitted.means_, np.linalg.cholesky(fitted.covariances_))


@register("sampler", "compressed")
class CompressedPosteriorSampler(NormalMixtureSampler):
    """The aggregated posterior compressed to M normals, see `zoo.CompressedPosterior`; `kl` is the loss in nats.

    Args:
        event_shape: (L,), the latent size.
        components: M, the number of components.
        seed: random seed of the clustering.
    """

    kl = kl_standard_error = None  # set by `fit`, not saved

    def __init__(self, event_shape, components=500, seed=0, **kwargs):
        super().__init__(event_shape, components, seed, **kwargs)

    def fit(self, vae, x, progress=True):
        components = min(self.components, len(x))
        self.set_compressed(aggregated_posterior(vae, x, compress=components, seed=self.seed, progress=progress))

    def set_compressed(self, compressed):
        """Sets the weights from a `zoo.CompressedPosterior`."""
        self.set_mixture(compressed.logits, *compressed.tensors)
        self.kl, self.kl_standard_error = compressed.kl, compressed.kl_standard_error
