"""TensorFlow Probability distributions, independent of Keras, layers and the registry.

Loss, evaluation, samplers and export share their densities, draws and moments.
"""

from zoo.distributions.affine import AffineTransformed
from zoo.distributions.autoregressive import AutoregressiveAffine, Flow
from zoo.distributions.bernoulli import FastBernoulli
from zoo.distributions.dirichlet import ReparameterizedDirichlet
from zoo.distributions.divergence import kl_divergence
from zoo.distributions.hierarchy import Hierarchy
from zoo.distributions.householder import LinearOperatorHouseholderProduct
from zoo.distributions.low_rank_normal import MultivariateNormalLowRank
from zoo.distributions.mixtures.blockwise import BlockwiseMixture
from zoo.distributions.mixtures.mixture import MixtureSameFamily
from zoo.distributions.mixtures.stratified import StratifiedMixture
from zoo.distributions.quantized_logistic import QuantizedLogistic

__all__ = [
    "AffineTransformed",
    "AutoregressiveAffine",
    "BlockwiseMixture",
    "FastBernoulli",
    "Flow",
    "Hierarchy",
    "LinearOperatorHouseholderProduct",
    "MixtureSameFamily",
    "MultivariateNormalLowRank",
    "QuantizedLogistic",
    "ReparameterizedDirichlet",
    "StratifiedMixture",
    "kl_divergence",
]
