"""Posteriors, h ↦ q(z|x): batch [B], event [L], reparameterised."""

from zoo.posteriors.normal import MultivariateNormalDiag, MultivariateNormalTriL

__all__ = ["MultivariateNormalDiag", "MultivariateNormalTriL"]
