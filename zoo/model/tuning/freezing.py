"""Frozen parts: which weights of a model are trained."""

from contextlib import ExitStack, contextmanager

from zoo.model.keras_model import layers_within


class FrozenParts:
    """What was trainable in each part before `freeze`, so that `unfreeze` does not make more of it trainable.

    A plain object, because Keras would track, and save twice, layers in a list or a dictionary.
    """

    def __init__(self):
        self.flags = {}  # role → as returned by `_flags`


def freeze(vae, roles):
    """Freezes parts of a model; see `VAE.freeze`.

    Args:
        vae: a `zoo.VAE`.
        roles: names of parts.

    Raises:
        ValueError: an unknown role, a part without weights, or nothing would be left to train.
    """
    _check(vae, roles)
    if not any(part.trainable_weights for part in _parts(vae, [role for role in vae.PARTS if role not in roles])):
        raise ValueError(
            f"Expected a part with weights to be left to train, but frozen would be {_listed(vae, roles)}. "
            "Freeze fewer parts."
        )
    for role in roles:
        if role not in frozen(vae):
            part = getattr(vae, role)
            vae.frozen_parts.flags[role] = _flags(part)
            part.trainable = False
    vae.train_function = None  # traced for the former weights


def unfreeze(vae, roles):
    """Makes frozen parts trainable again; see `VAE.unfreeze`.

    Args:
        vae: a `zoo.VAE`.
        roles: names of parts; all frozen ones if there are none.

    Raises:
        ValueError: an unknown role, or a part without weights.
    """
    _check(vae, roles)
    for role in roles or frozen(vae):
        if role in frozen(vae):
            part = getattr(vae, role)
            part.trainable = True
            _restore(vae.frozen_parts.flags.pop(role, []))
    vae.train_function = None


def frozen(vae):
    """Returns the roles of the frozen parts.

    Args:
        vae: a `zoo.VAE`.
    """
    return tuple(
        role for role in vae.PARTS if not getattr(vae, role).trainable and weights_to_train(getattr(vae, role))
    )


def weights_to_train(part):
    """Returns the weights of a part that are trained unless it is frozen.

    Args:
        part: a layer or model.
    """
    with unfrozen(part):
        return list(part.trainable_weights)


@contextmanager
def unfrozen(part, flags=None):
    """Makes a frozen part trainable within the context; does nothing to another.

    Args:
        part: a layer or model.
        flags: what was trainable before it was frozen; None for all of it.
    """
    if part.trainable:
        yield
        return
    now = _flags(part)
    part.trainable = True
    _restore(flags or [])
    try:
        yield
    finally:
        part.trainable = False
        _restore(now)


@contextmanager
def all_trainable(vae):
    """Makes the parts that `freeze` has frozen trainable within the context.

    Args:
        vae: a `zoo.VAE`.
    """
    with ExitStack() as stack:
        for role, flags in vae.frozen_parts.flags.items():
            stack.enter_context(unfrozen(getattr(vae, role), flags))
        yield


def _check(vae, roles):
    for role in roles:
        if role not in vae.PARTS:
            raise ValueError(f"The model has no part {role!r}. It has: {', '.join(vae.PARTS)}.")
        if not weights_to_train(getattr(vae, role)):
            having = [name for name in vae.PARTS if weights_to_train(getattr(vae, name))]
            raise ValueError(f"The {role} of this model has no weights to train. These have: {', '.join(having)}.")


def _parts(vae, roles):
    return [getattr(vae, role) for role in roles]


def _listed(vae, roles):
    return ", ".join(role for role in vae.PARTS if role in roles or role in frozen(vae))


def _flags(part):
    """Returns which layers and weights of a part are trainable."""
    return [(item, item.trainable) for item in (*layers_within(part), *part.variables)]


def _restore(flags):
    # Layers pass the value on to what is in them, so they come first, and the outer ones before the inner.
    for item, trainable in flags:
        item.trainable = trainable
