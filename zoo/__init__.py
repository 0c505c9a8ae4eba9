"""A zoo of variational autoencoders whose posteriors and priors are TensorFlow Probability distributions.

Data flow:

    x → encoder → h → posterior q(z|x) → z → decoder → h → likelihood p(x|z)
                                         ↑ prior p(z)          ↓
                         objective ← Terms(log_px, log_pz, log_qz, kl, z)

After training, the aggregated posterior q(z) = 1/N Σₙ q(z|xₙ), or a sampler fitted to it, can stand in for the prior.

Notation: `x` data, `h` features, `z` latent, `q` = q(z|x), `p` = p(z), `px` = p(x|z);
`B` batch size, `K` draws of z per example, `L` latent size, `N` training examples, `M` mixture components or
pseudo-inputs. Axes are always in the order draws, batch, event, also when K = 1. All values are in nats per example:
summed over event dimensions, averaged over the batch.
"""

import importlib
import sys
from typing import TYPE_CHECKING

from zoo.commands.imports import no_garbage_collection
from zoo.commands.version import VERSION as __version__  # noqa: F401

if TYPE_CHECKING or "keras" in sys.modules:  # registers all parts, so that Keras can load models
    with no_garbage_collection():
        from zoo.api import *  # noqa: F403
else:

    def __getattr__(name):
        """Imports the public names on first use, so that command lines are parsed before TensorFlow is loaded."""
        if name.startswith("__"):
            raise AttributeError(name)
        with no_garbage_collection():
            api = importlib.import_module("zoo.api")
        globals().update({public: getattr(api, public) for public in api.__all__})
        if name not in globals():
            raise AttributeError(f"module 'zoo' has no attribute '{name}'")
        return globals()[name]
