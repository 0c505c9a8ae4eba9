"""The registered network that a model's encoder and decoder were built by."""

from dataclasses import fields

import keras

import zoo.registry as registry
from zoo.finetuning.designs import NAMES, design


def network_of(vae):
    """Returns the network that builds this model's encoder and decoder, of the registered ones.

    Raises:
        ValueError: it is none of them.
    """
    found = _options_of(list(within(vae.encoder)))
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


def within(network):
    """Yields the layers of a network, and of the networks in it.

    Args:
        network: a Keras model.
    """
    for layer in network.layers:
        yield from within(layer) if isinstance(layer, keras.Model) else [layer]


def _builds(network, options, vae):
    try:
        built = network(**options)
        pair = built.encoder(vae.event_shape), built.decoder(vae.latent_size, vae.event_shape)
    except (ValueError, TypeError):
        return False
    return all(
        design(new, NAMES) == design(old, NAMES) for new, old in zip(pair, (trunk(vae), vae.decoder), strict=True)
    )


def trunk(vae):
    """Returns the encoder of a model without the rescaling of the data before it.

    Args:
        vae: a `zoo.VAE`.
    """
    return vae.encoder.layers[-1] if vae.encoder.name == "rescaled_encoder" else vae.encoder
