"""Our work, that of other libraries, and floors in TensorFlow, as contestants."""

from benchmarks.peers.contestant import Contestant

TORCH = tuple(f"torch {form}" for form in ("eager", "fused", "compiled"))
JAX = tuple(f"jax {form}" for form in ("step", "scan"))


def ours(settings, name="zoo", work="train"):
    """Returns our contestant.

    Args:
        settings: of the task.
        name: of the contestant.
        work: what it does.
    """
    return Contestant(name, "with_zoo", {"work": work} | settings)


def peers(settings):
    """Returns torch and jax, each in all its forms.

    Args:
        settings: of the task.
    """
    torch = [Contestant(name, "with_torch", settings | {"form": name.split()[1]}, "peers") for name in TORCH]
    return *torch, *(Contestant(name, "with_jax", settings | {"form": name.split()[1]}, "peers") for name in JAX)


def pythae(settings, work="train"):
    """Returns pythae.

    Args:
        settings: of the task.
        work: what it does.
    """
    return Contestant("pythae", "with_pythae", {"work": work} | settings, "peers")


def floor_of(name, settings):
    """Returns the matrix products and Adam's updates of training steps, alone in TensorFlow.

    Args:
        name: of the contestant.
        settings: of the task.
    """
    return Contestant(name, "with_tensorflow", settings | {"work": "floor"})


def products(rows, layers, units=1):
    """Returns matrix products alone, in TensorFlow's XLA; seconds a unit.

    Args:
        rows: of each left matrix.
        layers: inputs and outputs, pairs.
        units: of which the products are the work.
    """
    settings = {"work": "products", "rows": rows, "layers": layers, "units": units}
    return Contestant("floor", "with_tensorflow", settings)


def density_layers(task):
    """Returns the sizes of the product that is a mixture's density: of z and z² with its components."""
    return [(2 * task.latent, task.components)]
