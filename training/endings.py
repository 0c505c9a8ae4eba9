"""What to tell the user of errors that the machine brings into a run: memory, disks, workers."""

from zoo.commands.endings import FULL, full_disk
from zoo.commands.messages import reason

# Of TensorFlow's errors, by their names: it need not be imported to know them.
MEMORY = {"MemoryError", "ResourceExhaustedError"}
GONE = {"NotFoundError", "DataLossError"}
LOST = {"UnavailableError", "AbortedError", "DeadlineExceededError", "CancelledError"}


def explain(error):
    """Returns what to tell the user of an error; None of one that this machine has no part in.

    Args:
        error: any exception.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith(("tensorflow", "builtins"))}
    if kinds & MEMORY and FULL in str(error):
        return full_disk(error)
    if kinds & MEMORY:
        return (
            f"there is not enough memory ({reason(error)}). "
            f"Set a smaller --batch-size or --latent, fewer samples or components, or smaller networks."
        )
    if kinds & GONE:
        return (
            f"the data cannot be read any more ({reason(error)}). "
            f"Put them back, and run the same command again: it resumes from the last checkpoint."
        )
    if kinds & LOST:
        return (
            f"another worker has ended or cannot be reached ({reason(error)}). "
            f"Run the same command on all workers again: they resume from the last checkpoint."
        )
    return None
