"""Samplers: latent distributions that are fitted after training, to sample from in place of the prior."""

from zoo.samplers.aggregated import AggregatedPosteriorSampler
from zoo.samplers.normals import CompressedPosteriorSampler, GaussianMixtureSampler
from zoo.samplers.sampler import Sampler

__all__ = ["AggregatedPosteriorSampler", "CompressedPosteriorSampler", "GaussianMixtureSampler", "Sampler"]
