"""The only import of TensorFlow Probability, so that its source can be changed in one line."""

import tensorflow_probability as tfp

tfb, tfd = tfp.bijectors, tfp.distributions

__all__ = ["tfb", "tfd", "tfp"]
