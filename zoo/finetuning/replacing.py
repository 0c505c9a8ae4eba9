"""Other parts for a loaded model: what is unchanged keeps its weights, the rest is initialized."""

from typing import Any

import keras

from zoo.finetuning.networks import network_of
from zoo.finetuning.origin import Origin
from zoo.finetuning.transfer import transfer
from zoo.model.building import build
from zoo.model.vae import VAE

REPLACEABLE = (
    "event_shape",
    "latent",
    "posterior",
    "prior",
    "decoder",
    "encoder",
    "likelihood",
    "network",
    "objective",
)
NETWORKS = ("encoder", "decoder")


def with_parts(vae: VAE, preset: str, parts: dict[str, Any], weights: bool = True) -> VAE:
    """Returns a model with other parts, and with the weights of those layers whose parts and shapes are unchanged.

    Args:
        vae: the loaded `zoo.VAE`; used up.
        preset: its name.
        parts: name → spec or object; see `VAE.from_preset`.
        weights: whether to keep weights.

    Raises:
        TypeError: there is no such part.
        KeyError, ValueError: as `zoo.build`, or the network cannot be told from the model.
    """
    for name in parts:
        if name not in REPLACEABLE:
            raise TypeError(f"A preset has no part '{name}' to replace. It has: {', '.join(REPLACEABLE)}.")
    new = build(
        "diag_vae", parts.get("event_shape", vae.event_shape), vae.support, seed=vae.seed, **_arguments(vae, parts)
    )
    new.name = vae.name
    found = {}
    for role in VAE.PARTS:
        given = parts.get(role)
        if isinstance(given, keras.layers.Layer):
            found[role] = "given"
        else:
            named = given is not None or (role in NETWORKS and "network" in parts)
            found[role] = transfer(getattr(vae, role), getattr(new, role), named) if weights else "new"
    if vae.samplers.fitted:
        keep = found["encoder"] == found["posterior"] == "kept"
        if keep:
            new.samplers.restore(vae.samplers.serialize())
            for name, sampler in vae.samplers.fitted.items():
                new.samplers.fitted[name].set_weights(sampler.get_weights())
        found["samplers"] = "kept" if keep else "removed"
    new.origin = Origin(preset, found)
    return new


def _arguments(vae, parts):
    """Returns the arguments of `zoo.build` for all parts: those of the model, where they are not replaced."""
    latent = parts.get("latent", vae.latent_size)
    event_shape = parts.get("event_shape", vae.event_shape)
    event_shape = (event_shape,) if isinstance(event_shape, int) else tuple(event_shape)
    shapes = {"posterior": (latent,), "prior": (latent,), "likelihood": event_shape, "objective": None}
    arguments = {role: parts.get(role, _copy(getattr(vae, role), shape)) for role, shape in shapes.items()}
    fixed = {
        "encoder": event_shape == vae.event_shape,
        "decoder": (latent, event_shape) == (vae.latent_size, vae.event_shape),
    }
    for role in NETWORKS:
        if role in parts:
            arguments[role] = parts[role]
        elif fixed[role] and "network" not in parts:
            arguments[role] = type(getattr(vae, role)).from_config(getattr(vae, role).get_config())
        elif "network" not in arguments:
            arguments["network"] = parts.get("network") or network_of(vae)
    return arguments | {"latent": latent}


def _copy(part, shape):
    config = part.get_config()
    return type(part).from_config(config | ({"event_shape": list(shape)} if shape is not None else {}))
