"""Other parts for a loaded model: what is unchanged keeps its weights, the rest is initialized."""

from typing import Any

import keras

import zoo.registry as registry
from zoo.data import support as supports
from zoo.finetuning.columns import check_columns
from zoo.finetuning.networks import network_of, trunk
from zoo.finetuning.origin import Origin
from zoo.finetuning.transfer import Shapes, transfer
from zoo.memory import memory_limit
from zoo.model.building import build, rescaled
from zoo.model.vae import VAE

REPLACEABLE = (
    "event_shape",
    "support",
    "latent",
    "posterior",
    "prior",
    "decoder",
    "encoder",
    "likelihood",
    "network",
    "objective",
    "columns",
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
    if "columns" in parts:
        columns = check_columns(parts["columns"], vae.event_shape)
        parts = parts | {"columns": columns, "event_shape": (len(columns),)}
    support = parts.get("support", vae.support)
    supports.get(support)  # raises an error if there is none
    shape = parts.get("event_shape", vae.event_shape)
    with memory_limit():
        arguments = _arguments(vae, parts, support)
    new = build("diag_vae", shape, support, seed=vae.seed, **arguments)
    new.name = vae.name
    found = {role: _transferred(vae, new, role, parts) if weights else _untrained(parts, role) for role in VAE.PARTS}
    if support != vae.support:
        _forget_units(new)
    if vae.samplers.fitted:
        found["samplers"] = _keep_samplers(vae, new, found)
    new.origin = Origin(preset, found)
    return new


def _untrained(parts, role):
    return "given" if isinstance(parts.get(role), keras.layers.Layer) else "new"


def _transferred(vae, new, role, parts):
    """Transfers the weights of a part; returns what was done."""
    given = parts.get(role)
    if isinstance(given, keras.layers.Layer):
        return "given"
    named = given is not None or (role in NETWORKS and "network" in parts)
    named |= role == "likelihood" and new.support != vae.support
    return transfer(
        getattr(vae, role), getattr(new, role), named, Shapes(vae.event_shape, new.event_shape, parts.get("columns"))
    )


def _keep_samplers(vae, new, found):
    """Copies the samplers, if the posterior of each example stays the same; returns what was done."""
    if not found["encoder"] == found["posterior"] == "kept":
        return "removed"
    new.samplers.restore(vae.samplers.serialize())
    for name, sampler in vae.samplers.fitted.items():
        new.samplers.fitted[name].set_weights(sampler.get_weights())
    return "kept"


def _arguments(vae, parts, support):
    """Returns the arguments of `zoo.build` for all parts: those of the model, where they are not replaced."""
    latent = parts.get("latent", vae.latent_size)
    event_shape = parts.get("event_shape", vae.event_shape)
    event_shape = (event_shape,) if isinstance(event_shape, int) else tuple(event_shape)
    shapes = {"posterior": (latent,), "prior": (latent,), "likelihood": event_shape, "objective": None}
    arguments = {role: parts.get(role, _copy(getattr(vae, role), shape)) for role, shape in shapes.items()}
    if support != vae.support and "likelihood" not in parts:
        arguments["likelihood"] = None  # that of the support
    return arguments | _networks(vae, parts, support, latent, event_shape) | {"latent": latent}


def _networks(vae, parts, support, latent, event_shape):
    """Returns the arguments `encoder`, `decoder` and `network` of `zoo.build`."""
    same = {
        "encoder": event_shape == vae.event_shape,
        "decoder": (latent, event_shape) == (vae.latent_size, vae.event_shape),
    }
    arguments = {}
    for role in NETWORKS:
        if role in parts:
            arguments[role] = parts[role]
        elif same[role] and "network" not in parts:
            network = trunk(vae) if role == "encoder" else vae.decoder
            arguments[role] = type(network).from_config(network.get_config())
        elif "network" not in arguments:
            arguments["network"] = parts.get("network") or network_of(vae)
    if "encoder" not in parts:
        network = arguments.get("encoder") or registry.build("network", arguments["network"]).encoder(event_shape)
        arguments["encoder"] = rescaled(network, _rescaling(vae, support, new="network" in parts))
    return arguments


def _rescaling(vae, support, new):
    """Returns (a, b) of the map a x + b before the encoder: a trained one gets values as it was trained on."""
    old, other = supports.get(vae.support), supports.get(support)
    if new or not old.white or not other.white:
        return other.rescaling
    scale, offset = old.rescaling
    return scale * old.white / other.white, offset


def _forget_units(vae):
    """Removes what parts know of the values of other data: their mean and scale, and the range of pseudo-inputs."""
    standardization = getattr(vae.likelihood, "standardization", None)
    if standardization is not None:
        fresh = type(standardization)(vae.event_shape, dtype=standardization.dtype_policy)
        fresh.build()
        standardization.set_weights(fresh.get_weights())
    vae.prior.set_range(*supports.get(vae.support).limits)


def _copy(part, shape):
    config = part.get_config()
    return type(part).from_config(config | ({"event_shape": list(shape)} if shape is not None else {}))
