"""The public names of the zoo, such as `zoo.build`. Importing it registers every part by name and with Keras."""

import zoo.backend  # noqa: F401  # first, before Keras is imported
from zoo import callbacks, likelihoods, networks, objectives, parameterizations, posteriors, priors, samplers
from zoo.aggregated import AggregatedPosterior, CompressedPosterior, aggregated_posterior
from zoo.catalog import model_names, recipe
from zoo.data import support
from zoo.description import describe
from zoo.layer import DistributionLayer
from zoo.likelihoods import Likelihood
from zoo.model.building import build
from zoo.model.saving import save
from zoo.model.training.averaging import Adam
from zoo.model.vae import VAE
from zoo.objectives import Objective, Terms
from zoo.posteriors import Posterior
from zoo.presets.hub import upload_preset
from zoo.presets.loading import load
from zoo.priors import Prior
from zoo.registry import names, register
from zoo.samplers import Sampler

__all__ = [
    "VAE",
    "Adam",
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
    "callbacks",
    "describe",
    "likelihoods",
    "load",
    "model_names",
    "names",
    "networks",
    "objectives",
    "parameterizations",
    "posteriors",
    "priors",
    "recipe",
    "register",
    "samplers",
    "save",
    "support",
    "upload_preset",
]
