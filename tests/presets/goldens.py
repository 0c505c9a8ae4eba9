"""Golden presets: a tiny one for each registered part, in a folder for each release, which later versions must load.

`python -m tests.presets.goldens` adds those of this version that are missing. Files of earlier releases are never
written again: what cannot be loaded any more needs a migration, see `zoo/presets/migrations.py`.
"""

import inspect
import json
from pathlib import Path

import numpy as np

import zoo
from tests.contract.parts import fitting, supports
from zoo.commands.version import VERSION
from zoo.presets import reference
from zoo.presets.metadata import read
from zoo.registry import get, kinds

GOLDEN = Path(__file__).parent / "golden"
MODEL = {"latent": 2, "network": "mlp(hidden=(8,))"}
SIZES = {"hidden": 4, "components": 3, "filters": (3,)}  # options of these names, to keep files small


def parts():
    """The registered parts that a model can have, as pairs of a role and a name."""
    return [(kind, name) for kind in kinds() if kind != "log-likelihood method" for name in zoo.names(kind)]


def spec(kind, name):
    """The smallest spec of a part."""
    known = inspect.signature(get(kind, name)).parameters
    options = {option: size for option, size in SIZES.items() if option in known}
    if kind == "network" and name != "conv":
        options["hidden"] = (8,)
    return f"{name}({', '.join(f'{option}={size!r}' for option, size in options.items())})"


def golden(kind, name):
    """A small model with a part in it, and weights far from their initial ones."""
    chosen = spec(kind, name)
    given = {kind: chosen} | {role: spec(role, other) for role, other in fitting(kind, chosen).items() if role != kind}
    if kind == "normal":
        given = {"prior": f"mixture(components=3, normal={name!r})"}
    if kind == "sampler":
        given = {"posterior": "tril"}
    support = supports(chosen)[0] if kind == "likelihood" else "binary"
    vae = zoo.build("diag_vae", (4, 4, 1) if name == "conv" else (8,), support, **(MODEL | given))
    rng = np.random.default_rng(0)
    x = np.float32(zoo.support.get(support).sample(rng, (12, *vae.event_shape)))
    vae.adapt(3 * x + 1 if support == "real" else x)
    for weight in vae.trainable_weights:
        weight.assign_add(rng.normal(0, 0.3, weight.shape))
    if kind == "sampler":
        vae.add_sampler(chosen, x, progress=False)
    return vae


def there():
    """The folders of all golden presets."""
    return sorted(path.parent for path in GOLDEN.glob("*/*/metadata.json"))


def latest(name):
    """The folder of a golden preset of the latest release that has it."""
    return [folder for folder in there() if folder.name == name][-1]


def replay(folder):
    """Loads a preset and checks that it gives what it gave."""
    vae = zoo.VAE.from_preset(folder)
    reference.check(vae, json.loads((folder / "reference.json").read_text(encoding="utf-8")))
    return vae


def add():
    """Writes the golden presets of this version that are missing."""
    for kind, name in parts():
        folder = GOLDEN / VERSION / f"{kind}-{name}"
        if not folder.exists():
            golden(kind, name).save_to_preset(folder)
            print(folder, sum(path.stat().st_size for path in folder.iterdir()), read(folder)["parameter_count"])


if __name__ == "__main__":
    add()
