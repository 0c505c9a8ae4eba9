"""A step of training or of evaluation, on one replica or several.

The functions take any model with the parts, objective and guard of a `KerasModel`. Gradients are summed over the
replicas before the optimizer clips them, so that clipping does not depend on the number of replicas.
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from zoo.data import support as supports
from zoo.model.training.guard import OUTSIDE
from zoo.model.training.norms import clip, squared_norm, total

TERMS = ("the data", OUTSIDE, "log p(x|z) (reconstruction)", "log p(z)", "log q(z|x)", "the KL", "the loss")


class Sums(NamedTuple):
    """The values of a step in nats, as sums over the examples of all replicas, which can be added over steps.

    Args:
        loss: sum of minus the objective.
        reconstruction: Σ w · −E_q log p(x|z), w the sample weights.
        kl: Σ w · KL(q(z|x) ‖ p(z)).
        examples: number of examples.
        weight: Σ w.
    """

    loss: tf.Tensor
    reconstruction: tf.Tensor
    kl: tf.Tensor
    examples: tf.Tensor
    weight: tf.Tensor

    def means(self):
        """Returns loss, reconstruction and kl by name, in nats per example."""
        weights = {"loss": self.examples, "reconstruction": self.weight, "kl": self.weight}
        return {name: tf.math.divide_no_nan(getattr(self, name), weight) for name, weight in weights.items()}


def take_step(model, x, sample_weight=None):
    """Takes one optimizer step, or skips it if a value is not finite; skipped steps only update the guard.

    Args:
        model: a `KerasModel`.
        x: data [B, *x], of this replica.
        sample_weight: [B]; None for ones.

    Returns:
        `Sums`.
    """
    model.prepare_optimizer()
    x, sample_weight, there = _at_least_one(x, sample_weight)
    weights = [weight for part in model.PARTS for weight in getattr(model, part).trainable_weights]
    # Changes made by the forward pass, such as moving statistics, are written only if the step is taken.
    with tf.GradientTape() as tape, _stateless(weights) as state:
        terms = model(x, training=True)
        loss = model.compute_loss(y_pred=terms, sample_weight=sample_weight)
        loss *= tf.cast(there, loss.dtype)
        scaled = model.optimizer.scale_loss(loss)
    gradients = tape.gradient(scaled, weights)
    sums = _sums(terms, loss * replicas(), sample_weight, there)
    wrong = _wrong_terms(model, x, terms, loss, there)
    gradients, values = _over_replicas(_weighted(gradients, replicas() * sums.examples), tf.stack([*sums, *wrong]))
    gradients = _averaged(gradients, values[Sums._fields.index("examples")])
    sums, wrong = values[: len(sums)], values[len(sums) :] > 0
    norms = tf.stack([squared_norm(part) for part in _by_part(model, gradients)])
    wrong_gradients = ~tf.math.is_finite(norms)
    may, finite = ~tf.reduce_any(wrong) & ~model.guard.closed(), ~tf.reduce_any(wrong_gradients)
    if model.clips_gradients:
        gradients = clip(gradients, tf.sqrt(tf.reduce_sum(norms)), model.optimizer.global_clipnorm)
    model.apply_gradients_if(may if model.scales_loss else may & finite, gradients, weights)
    # The example of zeros of an empty replica must not change any variable.
    _write(model, state, may & finite & (there > 0))
    if model.scales_loss:  # the optimizer tries smaller scales, and skips such a step too
        wrong_gradients &= tf.convert_to_tensor(model.optimizer.dynamic_scale) <= 1
    wrong = tf.concat([wrong, wrong_gradients], axis=0)
    model.guard.record(wrong, tf.convert_to_tensor(model.seed_counter))
    return Sums(*tf.unstack(tf.where(tf.reduce_any(wrong), tf.zeros_like(sums), sums)))


def measure(model, x, sample_weight=None):
    """Computes the `Sums` of a step without an optimizer step.

    Args:
        model: a `KerasModel`.
        x: data [B, *x], of this replica.
        sample_weight: [B]; None for ones.

    Returns:
        `Sums`.
    """
    x, sample_weight, there = _at_least_one(x, sample_weight)
    terms = model(x, training=False)
    sums = _sums(terms, model.loss_of(terms, sample_weight), sample_weight, there)
    return Sums(*note_outside(model, x, there, sums))


def loss_of(model, terms, sample_weight):
    """Returns the loss of a replica's examples: minus the mean of the weighted objective, plus the model's own losses.

    Args:
        model: a `KerasModel`.
        terms: `Terms` of the examples.
        sample_weight: [B]; None for ones.
    """
    bound = model.objective(terms)  # [B]
    if sample_weight is not None:
        bound *= tf.cast(tf.reshape(sample_weight, [-1]), bound.dtype)
    return tf.add_n([-tf.reduce_mean(bound), *(tf.cast(loss, bound.dtype) for loss in model.losses)])


def note_outside(model, x, there=1.0, values=()):
    """Records in the guard whether data are outside of their support on any replica.

    Args:
        model: a `KerasModel`.
        x: data [B, *x], of this replica.
        there: 0 for the example of zeros of an empty replica, else 1.
        values: scalar tensors to be summed over the replicas in the same all-reduce.

    Returns:
        The sums of the values.
    """
    outside = tf.cast(outside_support(model, x) * there, tf.float32)
    values = [*values, tf.cast(outside, values[0].dtype if values else tf.float32)]
    *values, outside = tf.unstack(_over_replicas([], tf.stack(values))[1])
    model.guard.note(outside)
    return values


def outside_support(model, x):
    """Returns 1.0 if data [B, *x] are finite but outside of their support, else 0.0; in the graph."""
    x = tf.cast(x, model.variable_dtype)
    outside = tf.reduce_all(tf.math.is_finite(x)) & ~supports.get(model.support).contains_in_graph(x)
    return tf.cast(outside, tf.float32)


def replicas():
    """Returns the number of replicas of the current strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def _wrong_terms(model, x, terms, loss, there):
    """Returns a number for each of `TERMS`: 1 if it is not finite or, for the data, outside of the support, else 0."""
    wrong = [_not_finite(value) for value in (x, terms.log_px, terms.log_pz, terms.log_qz, terms.kl, loss)]
    wrong.insert(TERMS.index(OUTSIDE), outside_support(model, x) * there)
    return [tf.cast(value, loss.dtype) for value in wrong]


def _stateless(weights):
    """Returns a scope in which the forward pass assigns no variable; it holds the weights that regularizers read."""
    values = [(weight, tf.convert_to_tensor(weight)) for weight in weights if weight.regularizer is not None]
    return keras.StatelessScope(values, collect_losses=True)


def _write(model, state, taken):
    """Writes the variables that the forward pass changed: integers always, floats only if the step is taken.

    Args:
        model: a `KerasModel`.
        state: the scope of the forward pass.
        taken: bool [], whether the step is taken.
    """
    for variable in model.non_trainable_variables:
        value = state.get_current_value(variable)
        if value is not None:
            counts = tf.as_dtype(value.dtype).is_integer
            variable.assign(value if counts else tf.where(taken, value, variable.value))


def _by_part(model, gradients):
    """Yields the gradients of each part's weights, in the order of `PARTS`."""
    gradients = iter(gradients)
    for part in model.PARTS:
        yield [next(gradients) for _ in getattr(model, part).trainable_weights]


def _at_least_one(x, sample_weight):
    """Returns a replica's examples and weights, and 1.0; for an empty replica, an example of zeros, and 0.0.

    Replicas are empty if the last batch has fewer examples than there are replicas.
    """
    if replicas() == 1 or x.shape[0]:
        return x, sample_weight, 1.0
    none = tf.cast(tf.equal(tf.shape(x)[0], 0), tf.int32)
    x = tf.pad(x, [[0, none], *([0, 0] for _ in x.shape[1:])])
    if sample_weight is not None:
        sample_weight = tf.pad(tf.reshape(sample_weight, [-1]), [[0, none]])
    return x, sample_weight, 1.0 - tf.cast(none, tf.float32)


def _sums(terms, loss, sample_weight, there):
    """Returns the `Sums` of a replica."""
    reconstruction, kl = -terms.mean(terms.log_px), tf.reduce_sum(terms.kl, axis=-1)  # [B]
    weight = tf.ones_like(kl) if sample_weight is None else tf.cast(tf.reshape(sample_weight, [-1]), kl.dtype)
    weight *= tf.cast(there, kl.dtype)
    examples = tf.cast(there, kl.dtype) * tf.cast(tf.shape(kl)[0], kl.dtype)
    sums = (tf.reduce_sum(weight * value) for value in (reconstruction, kl))
    return Sums(loss * examples, *sums, examples, tf.reduce_sum(weight))


def _not_finite(tensor):
    """Returns 1.0 if a tensor is not finite, or its sum is not, else 0.0."""
    if not tensor.dtype.is_floating:
        return 0.0
    return 1.0 - tf.cast(tf.math.is_finite(total(tensor)), tf.float32)


def _weighted(tensors, weight):
    """Multiplies a replica's tensors, which may be None, by its weight, because replicas' batches may be unequal."""
    if replicas() == 1:
        return tensors
    return [None if t is None else t * tf.cast(weight, t.dtype) for t in tensors]


def _averaged(sums, examples):
    """Divides sums over the replicas, weighted by their examples, by the number of all examples."""
    if replicas() == 1:
        return sums
    return [None if t is None else tf.math.divide_no_nan(t, tf.cast(examples, t.dtype)) for t in sums]


def _over_replicas(gradients, values):
    """Sums gradients, which may be None, and values [V] over the replicas."""
    if replicas() == 1:
        return gradients, values
    given = [gradient for gradient in gradients if gradient is not None]
    *given, values = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, [*given, values])
    given = iter(given)
    return [None if gradient is None else next(given) for gradient in gradients], values
