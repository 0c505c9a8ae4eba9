"""Data → trained weights: `python -m training.train --model tril_vae --data digits`."""

import sys

try:
    import zoo  # noqa: F401  # what keeps it from being imported is said in a sentence by the commands
except ImportError as error:
    if sys.argv[:1] != ["-m"]:  # as Python names a command whose packages it imports
        raise
    sys.exit(f"error: {error}")
