"""Other parts for a loaded model: what is unchanged keeps its weights, the rest is initialized."""

from dataclasses import dataclass, fields
from typing import Any

import keras

from zoo import registry
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
NAMES = ("name", "build_config")
# Entries of configs that tell a part's place in a model, not what it is.
PLACE = (*NAMES, "build_input_shape", "batch_shape", "event_shape", "target_shape")


@dataclass(frozen=True)
class Origin:
    """Where a model's weights come from.

    Args:
        preset: the name or the folder that it was loaded from.
        weights: role → "kept", "new", "given" (an object of the caller's, with its own weights), or how many layers
            were kept. Samplers are kept if encoder and posterior are.
    """

    preset: str
    weights: dict[str, str]

    def __str__(self):
        return f"weights of {self.preset}: " + ", ".join(f"{role} {what}" for role, what in self.weights.items())


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
            found[role] = _keep(getattr(vae, role), getattr(new, role), named) if weights else "new"
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
            arguments["network"] = parts.get("network") or _network_of(vae)
    return arguments | {"latent": latent}


def _copy(part, shape):
    config = part.get_config()
    return type(part).from_config(config | ({"event_shape": list(shape)} if shape is not None else {}))


def _network_of(vae):
    """Returns the network that builds this model's encoder and decoder, of the registered ones.

    Raises:
        ValueError: it is none of them.
    """
    found = _options_of(list(_within(vae.encoder)))
    for name in registry.names("network"):
        network = registry.get("network", name)
        options = [{}]
        for option in fields(network):
            options = [chosen | {option.name: value} for chosen in options for value in found.get(option.name, [])]
        for chosen in options:
            if _builds(network, chosen, vae):
                return {"name": name} | chosen
    raise ValueError(
        "Expected network= too, because this model's networks are none of "
        f"{', '.join(registry.names('network'))}, and other shapes need new ones: network='mlp(hidden=(300,))'."
    )


def _options_of(layers):
    """Returns name → values that the options of a network may have had to give these layers."""
    sizes = tuple(layer.units for layer in layers if hasattr(layer, "units"))
    return {
        "hidden": [sizes, *sizes[-1:]],
        "filters": [tuple(layer.filters for layer in layers if hasattr(layer, "filters"))],
        "kernel": [layer.kernel_size[0] for layer in layers if hasattr(layer, "kernel_size")][:1],
        "activation": [layer.activation.__name__ for layer in layers if hasattr(layer, "activation")][:1],
    }


def _within(network):
    """Yields the layers of a network, and of the networks in it."""
    for layer in network.layers:
        yield from _within(layer) if isinstance(layer, keras.Model) else [layer]


def _builds(network, options, vae):
    try:
        built = network(**options)
        pair = built.encoder(vae.event_shape), built.decoder(vae.latent_size, vae.event_shape)
    except (ValueError, TypeError):
        return False
    encoder = vae.encoder.layers[-1] if vae.encoder.name == "rescaled_encoder" else vae.encoder
    return all(
        _design(new, NAMES) == _design(old, NAMES) for new, old in zip(pair, (encoder, vae.decoder), strict=True)
    )


def _design(part, without=PLACE):
    """Returns what a part is: its class, and its config without some entries."""

    def stripped(value):
        if isinstance(value, list | tuple):
            return [stripped(item) for item in value]
        if isinstance(value, dict):
            return {key: stripped(item) for key, item in value.items() if key not in without}
        return value

    return type(part), stripped(part.get_config())


def _keep(old, new, named):
    """Copies the weights of layers whose shapes are equal, and returns what was done."""
    if named and _design(old) != _design(new):
        return "new"
    pairs = list(zip(_layers(old), _layers(new), strict=False))
    same = [(a, b) for a, b in pairs if [w.shape for w in a] == [w.shape for w in b]]
    for a, b in same:
        for source, target in zip(a, b, strict=True):
            target.assign(source)
    layers = max(len(_layers(old)), len(_layers(new)))
    if len(same) == layers:
        return "kept"
    return f"kept in {len(same)} of {layers} layers" if same else "new"


def _layers(part):
    """Returns the weights of each layer of a part."""
    groups = {}
    for weight in part.weights:
        groups.setdefault(weight.path.rpartition("/")[0], []).append(weight)
    return list(groups.values())
