"""A posterior without a covariance is refused when the model is built, not after its training."""

import pytest
import tensorflow as tf

import zoo
from zoo.probability import tfd


class Laplace(zoo.Posterior):
    """q(z|x) = Πⱼ Laplace(zⱼ; μⱼ(x), 1)."""

    def build(self, h_shape):
        self.loc = self.dense(self.event_shape[0], h_shape)
        super().build(h_shape)

    def call(self, h):
        loc = self.loc(h)
        return tfd.Independent(tfd.Laplace(loc, tf.ones_like(loc)), 1)


def test_a_posterior_without_covariance_is_refused():
    with pytest.raises(ValueError, match=r"with a covariance, got _?Independent.*`_covariance`"):
        zoo.build("diag_vae", (4,), "binary", latent=2, network="mlp(hidden=(3,))", posterior=Laplace((2,)))
