"""Priors, p(z): batch [], event [L].

`call(encode=None)` takes the model's x ↦ q(z|x), for priors that are made of posteriors.
"""

from zoo.priors.mixture import MixtureSameFamily
from zoo.priors.normal import MultivariateNormalDiag, MultivariateNormalTriL, StandardNormal

__all__ = ["MixtureSameFamily", "MultivariateNormalDiag", "MultivariateNormalTriL", "StandardNormal"]
