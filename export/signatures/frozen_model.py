"""A model frozen for export: what does not depend on a request is computed once."""

from functools import cached_property, partial

import tensorflow as tf

from export.limits import LIMITS
from zoo.data import support as supports
from zoo.distributions.moments import MomentsFromDraws
from zoo.probability import tfd

TOGETHER = 4  # rows in a step of a loop over rows
COVARIANCE = 128  # largest latent size whose covariance matrices are served


class FrozenModel(tf.Module):
    """A trained model, frozen, in the pieces that signatures are made of.

    The pieces are TensorFlow functions, so that each is traced and saved once.

    Args:
        vae: a `zoo.VAE`.
        aggregated: the sampler of the aggregated posterior; None to serve none.
        samples: K, importance samples of a `score`.
        limits: `Limits` of a request.
        refine_steps: steps that refine the posterior of a row in `encode_refined` and `score_refined`; 0 for neither.

    Attributes:
        features: data [B, *x] ↦ h [B, H].
        location: h [B, H] ↦ the posterior's mean [B, L].
        covariance: h [B, H] ↦ the posterior's covariance [B, L, L], where `knows_covariance`.
        mean: latent points [B, L] ↦ the mean of p(x|z) [B, *x].
    """

    def __init__(self, vae, aggregated=None, samples=100, limits=LIMITS, refine_steps=0):
        super().__init__(name="frozen_model")
        self.vae, self.aggregated, self.samples, self.limits = vae, aggregated, samples, limits
        self.refine_steps = refine_steps
        data, latent = ([None, *shape] for shape in (vae.event_shape, vae.posterior.event_shape))
        self.features = _traced(vae.features, data)
        self.location = _traced(partial(self._moment, "mean"), vae.encoder.output_shape)
        self.covariance = _traced(partial(self._moment, "covariance"), vae.encoder.output_shape)
        self.mean = _traced(lambda z: vae.decode(z).mean(), latent)
        self._encoded = []  # features of the prior's pseudo-inputs, if it has some
        vae.prior(encode=self._kept)

    @property
    def is_of_images(self):
        """Whether x is an image whose levels are known."""
        shape = self.vae.event_shape
        return len(shape) == 3 and shape[-1] in (1, 3) and supports.get(self.vae.support).white is not None

    @cached_property
    def knows_covariance(self):
        """Whether the posterior's covariance is served: L ≤ 128, and the family knows it."""
        if self.vae.latent_size > COVARIANCE:
            return False
        try:
            self.covariance.get_concrete_function()
        except NotImplementedError:
            return False
        return True

    def _kept(self, x):
        self._encoded.append(tf.Variable(self.features(x), trainable=False, name="encoded"))
        return self.vae.posterior(self._encoded[-1])

    def prior(self):
        """Returns p(z), whose pseudo-inputs, if any, are not encoded again."""
        encoded = iter(self._encoded)
        return self.vae.prior(encode=lambda x: self.vae.posterior(tf.convert_to_tensor(next(encoded))))

    def posterior(self, h):
        """Returns q(z|x) for features h [B, H], to sample from: the same samples, without the ops of gradients."""
        q = self.vae.posterior(h)
        return q.copy(reparameterize=False) if isinstance(q, tfd.MixtureSameFamily) else q

    def _moment(self, name, h):
        """Returns a moment of q(z|x), by the name of TFP's method, for features h [B, H]."""

        def of(h):
            return getattr(self.vae.posterior(h), name)()

        # Samples that moments are estimated from would depend on the row's place in the batch.
        from_draws = isinstance(self.vae.posterior(h), MomentsFromDraws)
        return each_row(lambda h: of(h[None])[0], h) if from_draws else of(h)


def _traced(function, shape):
    return tf.function(function, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)


def each_row(function, *rows):
    """Applies a function of one row to each row, so that output row i depends only on input row i.

    `TOGETHER` rows are computed in one step of a loop, because a TensorFlow session starts the next step only when all
    of the last one is done: so they share the processors.

    Args:
        function: of tensors [...], one of each argument, to a tensor or a tuple of them.
        *rows: tensors [B, ...].
    """
    specs = [tf.TensorSpec(row.shape[1:], row.dtype) for row in rows]
    traced = tf.function(function, autograph=False).get_concrete_function(*specs)
    whole = tf.shape(rows[0])[0] // TOGETHER * TOGETHER

    def in_steps(rows, together):
        def step(block):
            each = [traced(*(part[i] for part in block)) for i in range(together)]
            return tf.nest.map_structure(lambda *outputs: tf.stack(outputs), *each)

        blocks = [tf.reshape(row, tf.concat([[-1, together], tf.shape(row)[1:]], axis=0)) for row in rows]
        signature = tf.nest.map_structure(
            lambda output: tf.TensorSpec([together, *output.shape], output.dtype), traced.structured_outputs
        )
        outputs = tf.map_fn(step, blocks, fn_output_signature=signature)
        return tf.nest.map_structure(
            lambda output: tf.reshape(output, tf.concat([[-1], tf.shape(output)[2:]], 0)), outputs
        )

    return tf.nest.map_structure(
        lambda *parts: tf.concat(parts, axis=0),
        in_steps([row[:whole] for row in rows], TOGETHER),
        in_steps([row[whole:] for row in rows], 1),
    )
