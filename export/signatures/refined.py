"""The refined posterior of one row."""

from functools import partial

import tensorflow as tf

from zoo.model.refinement.ascent import DRAWS, EVALUATION_DRAWS, LEARNING_RATE, advance, begin, keep_best
from zoo.model.refinement.bound import log_joint, one_row
from zoo.probability import tfp


def refined(model, x, h, seed):
    """Refines q(z|x) of one row by `model.refine_steps` steps, see `zoo.VAE.refine`.

    Args:
        model: a `FrozenModel`.
        x: data [*x].
        h: features [H].
        seed: int32 [2].

    Returns:
        q(z|x), batch [1]; its parameters [1, P]; and by how much its ELBO is over that of the encoder's q(z|x) [1].
    """
    posterior, steps = model.vae.posterior, model.refine_steps
    joint = partial(log_joint, model.vae, model.prior(), x[None])
    of_steps, of_comparison = tfp.random.split_seed(seed, 2)
    start = begin(posterior.params(h[None]))
    before = keep_best(joint, posterior, start, EVALUATION_DRAWS, of_comparison, one_row)
    rate = tf.constant(LEARNING_RATE, start.params.dtype)
    after = advance(joint, posterior, before, tf.constant([0, steps, steps]), rate, DRAWS, of_steps, one_row)
    after = keep_best(joint, posterior, after, EVALUATION_DRAWS, of_comparison, one_row)
    return posterior.distribution(after.best), after.best, after.bound - before.bound
