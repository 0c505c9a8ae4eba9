"""Low-rank updates of trained kernels (LoRA, Hu et al., 2021, arXiv:2106.09685): W + A B, of which A and B train.

Keras's own, in the dense and convolution layers within the parts. It adds A and B, and freezes W. Files contain
W + A B, so that they are of an ordinary model.
"""

import io
import math
from contextlib import contextmanager

import keras
import tensorflow as tf

from zoo.checks import check_int
from zoo.model.keras_model import layers_within
from zoo.model.tuning.freezing import all_trainable, freeze, frozen, unfreeze

ROLES = ("encoder", "posterior", "decoder", "likelihood")
LAYERS = (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
FACTORS = ("lora_kernel_a", "lora_kernel_b")


class LoRA:
    """The low-rank updates of a model. A plain object, because Keras would track layers in a list twice.

    Attributes:
        rank: of A and B; None without updates.
        roles: names of the parts that have some.
        layers: the layers that have some.
        fixed: weights that `enable` made not trainable.
        changes: how often updates were enabled, so that functions are traced again.
    """

    def __init__(self):
        self.rank, self.roles, self.layers, self.fixed, self.changes = None, (), [], [], 0

    @property
    def key(self):
        """What functions that were traced once must be traced again for."""
        return self.changes, any(layer.lora_enabled for layer in self.layers)

    def spec(self, role):
        """Returns the spec of a part's updates; "" if it has none."""
        return f"lora(rank={self.rank})" if role in self.roles else ""


def enable(vae, rank, roles=None):
    """Adds low-rank updates to a model; see `VAE.enable_lora`."""
    rank = check_int(rank, "rank")
    roles = _roles(vae, roles)
    parts = [getattr(vae, role) for role in roles]
    found = {id(layer): layer for part in parts for layer in layers_within(part) if _has_kernel(layer)}.values()
    layers = [layer for layer in found if rank < _break_even(layer)]
    if not layers:
        raise ValueError(_too_high(rank, found))
    state = vae.lora
    for i, layer in enumerate(layers):
        layer.enable_lora(rank, a_initializer=keras.initializers.HeUniform(seed=vae.seed + i))
    others = _large_others(parts, found, layers)
    for weight in others:
        weight.trainable = False
    state.rank, state.roles, state.layers, state.changes = rank, roles, layers, state.changes + 1
    state.fixed = others + [_kernel(layer) for layer in layers]
    _forget_traces(vae)


def merge(vae):
    """Adds the low-rank updates to the kernels, and removes them; see `VAE.merge_lora`."""
    state, roles = vae.lora, frozen(vae)
    unfreeze(vae, roles)
    for layer in state.layers:
        _switch_off(layer)
        for name in FACTORS:
            delattr(layer, name)
    for weight in state.fixed:
        weight.trainable = True
    state.rank, state.roles, state.layers, state.fixed = None, (), [], []
    if roles:
        freeze(vae, roles)
    _forget_traces(vae)


def restart(vae):
    """Initializes the low-rank updates again, because Keras sets A and B to zero when weights are loaded: a saddle.

    Args:
        vae: a `zoo.VAE`.
    """
    for i, layer in enumerate(vae.lora.layers):
        a = layer.lora_kernel_a
        a.assign(keras.initializers.HeUniform(seed=vae.seed + i)(a.shape, a.dtype))


@contextmanager
def ordinary(vae):
    """Makes a model, within the context, an ordinary one with the same outputs: nothing frozen, and updates merged.

    Args:
        vae: a `zoo.VAE`.
    """
    state = vae.lora
    layers = [layer for layer in state.layers if layer.lora_enabled]  # none, if this context is within itself
    before = [[tf.identity(weight) for weight in _weights(layer)] for layer in layers]
    for layer in layers:
        _switch_off(layer)
    try:
        with all_trainable(vae), _trainable_kernels(state):
            yield
    finally:
        for layer, values in zip(layers, before, strict=True):
            layer.lora_enabled, layer.lora_rank, layer.lora_alpha = True, state.rank, state.rank
            for weight, value in zip(_weights(layer), values, strict=True):
                weight.assign(value)


def without_lora(vae):
    """Returns the model or, if it has low-rank updates, an ordinary copy with the same outputs.

    Args:
        vae: a `zoo.VAE`.
    """
    if vae.lora.rank is None:
        return vae
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(vae))
    vae.save_weights(content := _Weights())
    copy.load_weights(_Weights(content.getvalue()))
    return copy


class _Weights(io.BytesIO):
    def __str__(self):
        return "model.weights.h5"  # Keras checks the suffix of the file's name


def _roles(vae, roles):
    if vae.lora.rank is not None:
        raise ValueError(
            f"The model has low-rank updates of rank {vae.lora.rank} already. Call vae.merge_lora() first."
        )
    if roles is None:
        return tuple(role for role in ROLES if role not in frozen(vae))
    roles = (roles,) if isinstance(roles, str) else tuple(roles)
    for role in roles:
        if role not in ROLES:
            raise ValueError(f"Expected roles= to be among {', '.join(ROLES)}, got {role!r}.")
        if role in frozen(vae):
            raise ValueError(f"The {role} is frozen. Call vae.unfreeze({role!r}) first, or leave it out of roles=.")
    return roles


def _large_others(parts, layers, updated):
    """Returns the trainable matrices of parts besides the updates and the kernels that are too small for updates.

    Biases and scales are few, and train.

    Args:
        parts: layers.
        layers: all of the kind that can have updates.
        updated: those that have some.
    """
    trained = {id(getattr(layer, name)) for layer in updated for name in FACTORS}
    trained |= {id(layer.kernel) for layer in layers if not layer.lora_enabled}
    weights = {id(weight): weight for part in parts for weight in part.trainable_weights}
    return [weight for key, weight in weights.items() if len(weight.shape) > 1 and key not in trained]


def _has_kernel(layer):
    return isinstance(layer, LAYERS) and layer.trainable and not layer.kernel_constraint


def _break_even(layer):
    """Returns the rank at which A and B have as many weights as the kernel."""
    *inputs, outputs = layer.kernel.shape
    return math.prod(inputs) * outputs / (math.prod(inputs) + outputs)


def _too_high(rank, layers):
    if not layers:
        return "Expected roles= to name parts with dense or convolution layers, but these have none."
    largest = max(layers, key=_break_even)
    return (
        f"Expected rank= to be at most {math.ceil(_break_even(largest)) - 1}, so that a low-rank update has fewer "
        f"weights than the largest kernel, of shape {tuple(largest.kernel.shape)}, got {rank}."
    )


def _kernel(layer):
    return next(weight for weight in layer.weights if weight.name == "kernel")


def _merged_kernel(layer):
    """Returns W + A B in the precision of the weights; `layer.kernel` has the one that the layer computes in."""
    update = keras.ops.matmul(layer.lora_kernel_a, layer.lora_kernel_b)
    return _kernel(layer) + keras.ops.cast(layer.lora_alpha / layer.lora_rank * update, _kernel(layer).dtype)


def _weights(layer):
    return _kernel(layer), *(getattr(layer, name) for name in FACTORS)


def _switch_off(layer):
    """Adds the update to the kernel and sets it to zero, because functions that were traced before read both."""
    _kernel(layer).assign(_merged_kernel(layer))
    layer.lora_kernel_b.assign(tf.zeros_like(layer.lora_kernel_b))
    layer.lora_enabled, layer.lora_rank, layer.lora_alpha = False, None, None


@contextmanager
def _trainable_kernels(state):
    """Makes the weights that `enable` fixed trainable within the context, and the updates not."""
    weights = [*state.fixed, *(getattr(layer, name) for layer in state.layers for name in FACTORS)]
    before = [weight.trainable for weight in weights]
    for i, weight in enumerate(weights):
        weight.trainable = i < len(state.fixed)
    try:
        yield
    finally:
        for weight, trainable in zip(weights, before, strict=True):
            weight.trainable = trainable


def _forget_traces(vae):
    vae.train_function = vae.test_function = vae.predict_function = None
