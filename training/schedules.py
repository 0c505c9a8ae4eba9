"""Learning-rate schedules by name, each as the config of one of Keras's `keras.optimizers.schedules`.

A schedule is a function of the optimizer's number of steps, which checkpoints hold: a resumed run continues it exactly.
"""

import inspect
from itertools import accumulate, takewhile

from zoo.checks import check_float, check_int
from zoo.commands.specs import parse

SMALLEST = 1e-6  # smallest factor of the learning rate that is not zero
BURDA_FACTOR = 10 ** (-1 / 7)


def constant(rate, epochs, steps):
    """Returns λ itself, a constant learning rate.

    Args:
        rate: λ.
        epochs: number of epochs.
        steps: number of steps in an epoch.
    """
    return rate


def cosine(rate, epochs, steps, warmup=0, final=0.0):
    """Returns λ (f + (1 − f) (1 + cos πt) / 2), t from 0 to 1, after a linear warm-up (arXiv:1608.03983).

    Args:
        rate: λ.
        epochs: number of epochs, those of the warm-up included.
        steps: number of steps in an epoch.
        warmup: number of epochs in which the learning rate rises from 0 to λ.
        final: f, the last learning rate as a fraction of λ.
    """
    warmup = check_int(warmup, "the warmup of --lr-schedule cosine", minimum=0, below=epochs)
    final = check_float(final, "the final of --lr-schedule cosine", minimum=0, maximum=1)
    config = {"initial_learning_rate": rate, "decay_steps": (epochs - warmup) * steps, "alpha": final}
    if warmup:
        config |= {"initial_learning_rate": 0.0, "warmup_target": rate, "warmup_steps": warmup * steps}
    return {"class_name": "CosineDecay", "config": config}


def exponential(rate, epochs, steps, final=0.01):
    """Returns λ fᵗ, t from 0 to 1.

    Args:
        rate: λ.
        epochs: number of epochs.
        steps: number of steps in an epoch.
        final: f, the last learning rate as a fraction of λ.
    """
    final = check_float(final, "the final of --lr-schedule exponential", minimum=SMALLEST, maximum=1)
    config = {"initial_learning_rate": rate, "decay_steps": epochs * steps, "decay_rate": final}
    return {"class_name": "ExponentialDecay", "config": config}


def stepwise(rate, epochs, steps, at=(), factor=0.1):
    """Returns λ fⁱ, where i is how many of some numbers of epochs are over.

    Args:
        rate: λ.
        epochs: number of epochs.
        steps: number of steps in an epoch.
        at: numbers of epochs, increasing, after each of which the learning rate is multiplied by f.
        factor: f.
    """
    factor = check_float(factor, "the factor of --lr-schedule steps", minimum=SMALLEST, maximum=1)
    if not isinstance(at, list | tuple) or not at:
        raise ValueError(f"Expected the at of --lr-schedule steps to be epochs, such as at=(60, 80), got {at!r}.")
    at = [check_int(epoch, "each at of --lr-schedule steps", minimum=1, below=epochs) for epoch in at]
    if at != sorted({*at}):
        raise ValueError(f"Expected the at of --lr-schedule steps to increase, got {at}.")
    return _piecewise(rate, steps, at, factor)


def burda(rate, epochs, steps):
    """Returns λ · 10^(−i/7) for 3ⁱ epochs, i = 0, 1, …, 7 (Burda et al., 2016, arXiv:1509.00519).

    These are 3,280 epochs; in fewer, the last rates are left out.

    Args:
        rate: λ.
        epochs: number of epochs.
        steps: number of steps in an epoch.
    """
    at = [*takewhile(lambda epoch: epoch < epochs, accumulate(3**i for i in range(7)))]
    return _piecewise(rate, steps, at, BURDA_FACTOR)


def _piecewise(rate, steps, at, factor):
    """Returns a learning rate that is multiplied by a factor after some numbers of epochs."""
    if not at:
        return rate
    # Keras's boundary is the index of the last step before a change.
    config = {"boundaries": [epoch * steps - 1 for epoch in at]}
    config |= {"values": [rate * factor**i for i in range(len(at) + 1)]}
    return {"class_name": "PiecewiseConstantDecay", "config": config}


SCHEDULES = {
    "constant": constant,
    "cosine": cosine,
    "exponential": exponential,
    "steps": stepwise,
    "burda": burda,
}


def keras_config(spec, rate, epochs, steps=1):
    """Returns a learning rate, or what `keras.optimizers.schedules.deserialize` makes a schedule of.

    Args:
        spec: name of a schedule, with its options in brackets.
        rate: λ, the largest learning rate.
        epochs: number of epochs.
        steps: number of steps in an epoch.

    Returns:
        A float, or a dict.

    Raises:
        ValueError: no such schedule or option, or its value does not fit the number of epochs.
    """
    known = "constant, cosine(warmup=5, final=0.0), exponential(final=0.01), steps(at=(60, 80), factor=0.1), burda"
    try:
        name, options = parse(spec)
        schedule = SCHEDULES[name]
    except (ValueError, KeyError):
        raise ValueError(f"Expected --lr-schedule to be one of {known}, got {spec!r}.") from None
    possible = [*inspect.signature(schedule).parameters][3:]
    unknown = [option for option in options if option not in possible]
    if unknown:
        raise ValueError(f"--lr-schedule {name} has no option '{unknown[0]}'. It has: {', '.join(possible) or 'none'}.")
    return schedule(rate, epochs, steps, **options)
