"""Every registered part, found through the registry, and the smallest model around each."""

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.registry import build, get, parse

# Options that change what a part does; the plain names are all tested anyway.
VARIANTS = {
    "posterior": ["orthogonal(reflections=1)", "mixture(components=1)", "hierarchical(normal='tril')"],
    "prior": [
        "mixture(components=3)",
        "mixture(components=2, normal='tril')",
        "mixture(components=2, normal='low_rank(rank=1)')",
        "vamp(components=3, weights='learned')",
        "hierarchical(prior='mixture', normal='tril')",
        "hierarchical(prior='vamp(components=3)')",
    ],
    "likelihood": ["normal(scale=0.5)", "normal(scale='predicted')", "low_rank_normal(rank=1)"],
    "objective": [
        "elbo(beta=2.0)",
        "elbo(free_bits=0.1)",
        "elbo(samples=3)",
        "mmd(alpha=1.0, samples=2)",
        "tc(samples=2)",
    ],
    "network": ["mlp(hidden=(5, 4), activation='tanh')", "conv(filters=(3,), kernel=3)"],
}
LATENT = 2
EVENTS = {"vector": (6,), "image": (4, 3, 2)}


def specs(kind):
    """The names of a role's parts and the variants of them."""
    return [*zoo.names(kind), *VARIANTS.get(kind, [])]


ROLES = ("posterior", "prior", "likelihood", "network", "objective")


def all_parts():
    """Pairs of a role and a spec, over every role that a model has."""
    return [(kind, spec) for kind in ROLES for spec in specs(kind)]


def fitting(kind, spec):
    """The other parts that a model with this one needs, where the usual ones do not fit."""
    if kind in ("posterior", "prior") and parse(spec)[0] == "dirichlet":
        return {"posterior": "dirichlet", "prior": "dirichlet"}
    if kind == "prior" and "hierarchical(prior='vamp" in spec:
        return {"posterior": "hierarchical"}
    return {}


def combinations():
    """The parts of a few models that between them hold every part: a dictionary for each."""
    left = {kind: specs(kind) for kind in ROLES}
    usual = {"likelihood": "bernoulli", "network": "mlp(hidden=(7,))"}

    def take(kind, fits=lambda spec: True):
        """The first that is left and fits, or else any that fits."""
        spec = next(filter(fits, [*left[kind], *([usual[kind]] if kind in usual else specs(kind))]))
        left[kind] = [other for other in left[kind] if other != spec]
        return spec

    while any(left.values()):
        prior = take("prior")
        p = build("prior", prior, event_shape=(LATENT,))
        posterior = take(
            "posterior", lambda spec, p=p: p.is_compatible(build("posterior", spec, event_shape=(LATENT,)))
        )
        q = build("posterior", posterior, event_shape=(LATENT,))
        # MMD draws from the prior, and of the loop by which this flow draws XLA has a gradient in a function of its own
        # (tests/test_flows.py), but not in one within another, as the contract tests have it.
        drawn = prior == "maf"
        objective = take(
            "objective",
            lambda spec, q=q, drawn=drawn: (
                build("objective", spec).is_compatible(q) and not (drawn and spec.startswith("mmd"))
            ),
        )
        parts = {"prior": prior, "posterior": posterior, "objective": objective}
        yield parts | {kind: take(kind) for kind in usual}


def words(parts):
    """The name of a combination."""
    return " ".join(parts.values())


# For a promise that a model keeps only if all its parts do: some fourteen models, and not one a part.
each_combination = pytest.mark.parametrize("parts", list(combinations()), ids=words)


def combined(parts):
    """The small model of those parts, one of `combinations()`."""
    event = "image" if parts["network"].startswith("conv") else "vector"
    return zoo.build("diag_vae", EVENTS[event], supports(parts["likelihood"])[0], latent=LATENT, **parts)


def latents(kind):
    """Pairs of a spec and a latent size that it takes, of 1, 2 and 5."""
    two_at_least = ("dirichlet", "hierarchical")
    return [(spec, d) for spec in specs(kind) for d in (1, 2, 5) if d > 1 or not spec.startswith(two_at_least)]


def posterior(spec, latent=LATENT, features=8):
    """A built posterior of that spec."""
    layer = build("posterior", spec, event_shape=(latent,))
    layer.build((None, features))
    return layer


def prior(spec, latent=LATENT):
    """A built prior of that spec, and an encoder for it."""
    layer = build("prior", spec, event_shape=(latent,))
    layer.build((None, 8))
    q = posterior("hierarchical" if "hierarchical" in spec else "diag", latent)
    return layer, lambda x: q(tf.tanh(x))


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
    event = "image" if kind == "network" and spec.startswith("conv") else event
    parts = {"latent": LATENT, "network": "mlp(hidden=(7,))"} | fitting(kind, spec) | {kind: spec} | overrides
    return zoo.build("diag_vae", EVENTS[event], support, **parts)


def data(support, n, event="vector", seed=0):
    """n examples of a support."""
    rng = np.random.default_rng(seed)
    shape = (n, *EVENTS[event])
    return zoo.support.get(support).sample(rng, shape).astype(np.float32)


def data_of(vae, n):
    """n examples of a model's kind."""
    event = next(name for name, shape in EVENTS.items() if shape == vae.event_shape)
    return data(vae.support, n, event)


def wild(layer, scale=3.0, seed=0):
    """Gives a layer random weights far from its initial ones, so that its outputs are about N(0, scale²)."""
    rng = np.random.default_rng(seed)
    for weight in layer.trainable_variables:
        fan_in = weight.shape[0] if len(weight.shape) > 1 else 1
        weight.assign(rng.normal(0, scale / np.sqrt(fan_in), weight.shape))
    return layer
