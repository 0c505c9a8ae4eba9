"""Samplers: latent densities that are fitted when the training is over, to draw from in place of the prior."""

from zoo.samplers.aggregated import AggregatedPosterior
from zoo.samplers.normals import CompressedPosterior, GaussianMixture
from zoo.samplers.sampler import Sampler

__all__ = ["AggregatedPosterior", "CompressedPosterior", "GaussianMixture", "Sampler"]
