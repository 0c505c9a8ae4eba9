"""Every registered part, found through the registry, and the smallest model around each."""

import numpy as np

import zoo
from zoo.registry import build, get, parse

# Options that change what a part does; the plain names are all tested anyway.
VARIANTS = {
    "prior": ["mixture(components=3)", "mixture(components=2, normal='tril')"],
    "likelihood": ["normal(scale=0.5)", "normal(scale='predicted')"],
    "objective": ["elbo(beta=2.0)", "elbo(free_bits=0.1)", "elbo(samples=3)"],
    "network": ["mlp(hidden=(5, 4), activation='tanh')"],
}
LATENT = 2
EVENTS = {"vector": (6,), "image": (4, 3, 2)}


def specs(kind):
    """The names of a role's parts and the variants of them."""
    return [*zoo.names(kind), *VARIANTS.get(kind, [])]


def all_parts():
    """Pairs of a role and a spec, over every role that a model has."""
    return [
        (kind, spec) for kind in ("posterior", "prior", "likelihood", "network", "objective") for spec in specs(kind)
    ]


def posterior(spec, latent=LATENT, features=8):
    """A built posterior of that spec."""
    layer = build("posterior", spec, event_shape=(latent,))
    layer.build((None, features))
    return layer


def prior(spec, latent=LATENT):
    """A built prior of that spec."""
    layer = build("prior", spec, event_shape=(latent,))
    layer.build((None, *EVENTS["vector"]))
    return layer


def likelihood(spec, event_shape, features=8):
    """A built likelihood of that spec."""
    layer = build("likelihood", spec, event_shape=event_shape)
    layer.build((None, features))
    return layer


def supports(spec):
    """The supports that a likelihood fits."""
    return get("likelihood", parse(spec)[0]).supports


def model(kind, spec, event="vector", **overrides):
    """A small model with that part in it."""
    support = supports(spec)[0] if kind == "likelihood" else "binary"
    parts = {"latent": LATENT, "network": "gated_mlp(hidden=(7, 7))", kind: spec} | overrides
    return zoo.build("diag_vae", EVENTS[event], support, **parts)


def data(support, n, event="vector", seed=0):
    """n examples of a support."""
    rng = np.random.default_rng(seed)
    shape = (n, *EVENTS[event])
    x = {
        "binary": lambda: rng.integers(0, 2, shape),
        "unit": lambda: rng.random(shape),
        "real": lambda: rng.normal(size=shape),
        "levels": lambda: rng.integers(0, 256, shape),
        "simplex": lambda: rng.dirichlet(np.ones(shape[-1]), shape[:-1]),
    }[support]()
    return x.astype(np.float32)


def wild(layer, scale=3.0, seed=0):
    """Gives a layer's weights values far from its initial ones, N(0, scale²)."""
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0, scale, w.shape).astype(w.dtype) for w in layer.get_weights()])
    return layer
