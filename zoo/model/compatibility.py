"""Whether the parts of a model fit each other: those that do not would broadcast in silence, or fail far from here."""

import re
from contextlib import suppress

import keras
import tensorflow as tf

from zoo.likelihoods.likelihood import Likelihood, check_fit
from zoo.objectives import Objective
from zoo.posteriors import Posterior
from zoo.priors import Prior
from zoo.registry import build, names, spec_of

ROLES = {
    "encoder": keras.Model,
    "posterior": Posterior,
    "prior": Prior,
    "decoder": keras.Model,
    "likelihood": Likelihood,
    "objective": Objective,
}


def check_roles(vae):
    """Checks that each part is what it is handed in as, and of the shape that the others need.

    Args:
        vae: a `zoo.VAE` whose parts need not be built.

    Raises:
        ValueError: one is not; or the likelihood does not fit the data, or another part not the posterior.
    """
    for role, kind in ROLES.items():
        if not isinstance(getattr(vae, role), kind):
            raise ValueError(f"Expected as the {role} a {kind.__name__}, got {getattr(vae, role)!r}.")
    _check_precision(vae)
    check_fit(vae.likelihood, vae.support)
    shapes = {
        "likelihood": (vae.likelihood.event_shape, vae.event_shape),
        "prior": (vae.prior.event_shape, vae.posterior.event_shape),
        "decoder": (tuple(vae.decoder.input_shape[1:]), vae.posterior.event_shape),
    }
    for role, (got, expected) in shapes.items():
        if got != expected:
            raise ValueError(f"Expected a {role} of shape {list(expected)}, got one of {list(got)}.")
    for role in ("prior", "objective"):
        _check_pair(role, getattr(vae, role), vae.posterior)


def _check_precision(vae):
    """Checks that all weights are float32, or all float64: densities need so much, and TensorFlow mixes no dtypes."""
    roles = [role for role in ROLES if role != "objective"]  # which computes in that of the terms
    there = {role: _precision_of(getattr(vae, role)) for role in roles}
    there = {"model": vae.variable_dtype} | {role: dtype for role, dtype in there.items() if dtype}
    if len(set(there.values())) > 1 or vae.variable_dtype not in ("float32", "float64"):
        raise ValueError(
            f"Expected all parts to have weights in float32, or all in float64, got "
            f"{', '.join(f'{dtype} in the {role}' for role, dtype in there.items())}. Use the policy float32, "
            f"mixed_bfloat16 or mixed_float16: keras.config.set_dtype_policy('float32'); or give each part a dtype."
        )


def _precision_of(part):
    """Returns the precision of a part's weights; of a network that of its layers, "" without any."""
    found = " and ".join(sorted({weight.dtype for weight in part.weights if "float" in weight.dtype}))
    return found or ("" if isinstance(part, keras.Model) else part.variable_dtype)


def _check_pair(role, part, posterior):
    if part.is_compatible(posterior):
        return
    shape = {"event_shape": posterior.event_shape}
    parts = _fitting(role, names(role), shape if role == "prior" else {}, lambda other: other.is_compatible(posterior))
    posteriors = _fitting(
        "posterior", [*names("posterior"), *getattr(part, "compatible_specs", [])], shape, part.is_compatible
    )
    raise ValueError(
        f"The {role} {spec_of(part)} does not fit the posterior {spec_of(posterior)}: use one of the {role}s {parts}, "
        f"or keep that {role} and use one of the posteriors {posteriors}."
    )


def _fitting(role, specs, shape, fits):
    """Lists the specs that can be built in a shape and are compatible."""
    fitting = []
    for spec in specs:
        with suppress(ValueError):
            fitting += [spec] if fits(build(role, spec, **shape)) else []
    return ", ".join(fitting) or "of your own"


def check_seams(vae):
    """Checks the shapes that built parts give, on two examples and three draws.

    Args:
        vae: a built `zoo.VAE`.

    Raises:
        ValueError: a part cannot be called, or has a stray axis.
    """
    x = tf.zeros([2, *vae.event_shape], vae.variable_dtype)
    z = tf.zeros([3, 2, *vae.posterior.event_shape], vae.posterior.compute_dtype)
    made = {
        "encoder and posterior": (lambda: vae.posterior_at(x), [2], vae.posterior.event_shape),
        "prior": (lambda: vae.prior(encode=vae.posterior_at), [], vae.prior.event_shape),
        "decoder and likelihood": (lambda: vae.decode(z), [3, 2], vae.event_shape),
    }
    for seam, (make, batch, event) in made.items():
        try:
            distribution = make()
            got = [*distribution.batch_shape], (*distribution.event_shape,)
        except (TypeError, ValueError, AttributeError, tf.errors.InvalidArgumentError) as error:
            reason = str(error).split("\n\n")[1 if "Exception encountered" in str(error) else 0]
            reason = re.sub(r"\x1b\[\d*m", "", reason).strip()
            raise ValueError(f"The parts do not work together ({seam}): {reason}") from error
        if got != (batch, event):
            raise ValueError(
                f"Expected of the {seam} a distribution of batch shape {batch} and event shape {list(event)}, got "
                f"{got[0]} and {list(got[1])}. Networks end in one axis, or in x's shape but for channels."
            )
