"""Where TensorFlow Probability comes from: the one import of it, so that another source of it is one line."""

import tensorflow_probability as tfp

tfb, tfd = tfp.bijectors, tfp.distributions

__all__ = ["tfb", "tfd", "tfp"]
