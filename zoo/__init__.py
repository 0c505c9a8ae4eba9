"""A zoo of variational autoencoders whose posteriors and priors are TensorFlow Probability distributions.

The way of the data:

    x → encoder → h → posterior q(z|x) → z → decoder → h → likelihood p(x|z)
                                         ↑ prior p(z)          ↓
                         objective ← Terms(log_px, log_pz, log_qz, kl, z)

After training, the aggregated posterior q(z) = 1/N Σₙ q(z|xₙ), or a sampler fitted to it, can stand in for the prior.

Letters, the same everywhere: `x` data, `h` features, `z` latent, `q` = q(z|x), `p` = p(z), `px` = p(x|z);
`B` batch, `K` draws, `L` latent size, `N` training examples, `M` mixture components or pseudo-inputs. Axes in this
order: draws, batch, event, also when K = 1. Everything is in nats per example: summed over the event's
dimensions, averaged over the batch.
"""

import zoo.backend  # noqa: F401  # first, before Keras is imported
from zoo import likelihoods, networks, normal, objectives, posteriors, priors, samplers, support
from zoo.aggregated import AggregatedPosterior, CompressedPosterior, aggregated_posterior
from zoo.catalog import build, model_names, recipe
from zoo.describe import describe
from zoo.layer import DistributionLayer
from zoo.likelihoods import Likelihood
from zoo.objectives import Objective, Terms
from zoo.posteriors import Posterior
from zoo.priors import Prior
from zoo.registry import names, register
from zoo.samplers import Sampler
from zoo.saving import load, save
from zoo.vae import VAE

__all__ = [
    "VAE",
    "AggregatedPosterior",
    "CompressedPosterior",
    "DistributionLayer",
    "Likelihood",
    "Objective",
    "Posterior",
    "Prior",
    "Sampler",
    "Terms",
    "aggregated_posterior",
    "build",
    "describe",
    "likelihoods",
    "load",
    "model_names",
    "names",
    "networks",
    "normal",
    "objectives",
    "posteriors",
    "priors",
    "recipe",
    "register",
    "samplers",
    "save",
    "support",
]
