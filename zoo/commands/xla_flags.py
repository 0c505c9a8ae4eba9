"""Flags of XLA's CPU compiler that make training faster, set before TensorFlow is imported."""

import os
from importlib.metadata import PackageNotFoundError, version

VARIABLE = "XLA_FLAGS"
TENSORFLOW = "2.21."  # XLA ends a process that sets a flag it does not know
FLAGS = {
    # Updates variables in place in a loop of steps; without it, each step copies the moments of Adam.
    "--xla_cpu_copy_insertion_use_region_analysis": "true",
    # Adam and other element-wise work in vectors of 512 bits, on CPUs that have them.
    "--xla_cpu_prefer_vector_width": "512",
}


def set_xla_flags(environment=os.environ):
    """Adds the flags to the environment of this process; flags that are set there keep their values.

    Args:
        environment: a dict to change in its place.
    """
    try:
        known = version("tensorflow").startswith(TENSORFLOW)
    except PackageNotFoundError:
        return
    given = environment.get(VARIABLE, "")
    added = [f"{flag}={value}" for flag, value in FLAGS.items() if known and flag not in given]
    environment[VARIABLE] = " ".join([given, *added]).strip()
