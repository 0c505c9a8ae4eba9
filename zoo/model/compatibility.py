"""Compatibility of a model's parts: incompatible ones would broadcast silently or fail later with obscure errors."""

import re
from contextlib import suppress

import keras
import tensorflow as tf

from zoo.likelihoods.likelihood import Likelihood, check_fit
from zoo.objectives import Objective
from zoo.posteriors import Posterior
from zoo.priors import Prior
from zoo.probability import tfd
from zoo.registry import build, name_of, names, spec_of

ROLES = {
    "encoder": keras.Model,
    "posterior": Posterior,
    "prior": Prior,
    "decoder": keras.Model,
    "likelihood": Likelihood,
    "objective": Objective,
}


def check_config(config):
    """Checks that a config has all parts.

    Args:
        config: config of a `zoo.VAE`.

    Raises:
        ValueError: a part is missing.
    """
    missing = [role for role in ROLES if role not in config]
    if missing:
        raise ValueError(f"Expected the config of a VAE to have the parts {', '.join(ROLES)}, got no {missing[0]}.")


def check_parts(vae):
    """Checks that each part has the class of its role and a shape compatible with the other parts.

    Args:
        vae: a `zoo.VAE` whose parts need not be built.

    Raises:
        ValueError: a part has another class, shape or dtype; the likelihood is incompatible with the support, or the
            prior or objective with the posterior.
    """
    for role, kind in ROLES.items():
        if not isinstance(getattr(vae, role), kind):
            raise ValueError(f"Expected the {role} to be a {kind.__name__}, got {getattr(vae, role)!r}.")
    _check_precision(vae)
    check_fit(vae.likelihood, vae.support)
    shapes = {
        "likelihood": (vae.likelihood.event_shape, vae.event_shape),
        "prior": (vae.prior.event_shape, vae.posterior.event_shape),
        "decoder": (tuple(vae.decoder.input_shape[1:]), vae.posterior.event_shape),
    }
    for role, (got, expected) in shapes.items():
        if got != expected:
            raise ValueError(f"Expected the {role} to have shape {list(expected)}, got {list(got)}.")
    for role in ("prior", "objective"):
        _check_pair(role, getattr(vae, role), vae.posterior)


def _check_precision(vae):
    """Checks that all weights are float32 or all float64: densities need the precision, and dtypes cannot be mixed."""
    roles = [role for role in ROLES if role != "objective"]  # it computes in the dtype of the terms
    dtypes = {role: _precision_of(getattr(vae, role)) for role in roles}
    dtypes = {"model": vae.variable_dtype} | {role: dtype for role, dtype in dtypes.items() if dtype}
    if len(set(dtypes.values())) > 1 or vae.variable_dtype not in ("float32", "float64"):
        raise ValueError(
            f"Expected all parts to have weights in float32, or all in float64, got "
            f"{', '.join(f'{dtype} in the {role}' for role, dtype in dtypes.items())}. Use the policy float32, "
            f"mixed_bfloat16 or mixed_float16: keras.config.set_dtype_policy('float32'); or give each part a dtype."
        )


def _precision_of(part):
    """Returns the dtype of a part's weights; for a part without weights, its variable dtype, or "" for a network."""
    found = " and ".join(sorted({weight.dtype for weight in part.weights if "float" in weight.dtype}))
    return found or ("" if isinstance(part, keras.Model) else part.variable_dtype)


def _check_pair(role, part, posterior):
    if part.is_compatible(posterior):
        return
    shape = {"event_shape": posterior.event_shape}
    own_shape = shape if role == "prior" else {}
    parts = _compatible_specs(role, names(role), own_shape, lambda other: other.is_compatible(posterior))
    posteriors = _compatible_specs(
        "posterior", [*names("posterior"), *getattr(part, "compatible_specs", [])], shape, part.is_compatible
    )
    raise ValueError(
        f"The {role} {spec_of(part)} is incompatible with the posterior {spec_of(posterior)}: use one of the {role}s "
        f"{parts}, or keep that {role} and use one of the posteriors {posteriors}."
    )


def _compatible_specs(role, specs, shape, fits):
    """Lists the specs that can be built with a shape and are compatible, as text for a message."""
    fitting = []
    for spec in specs:
        with suppress(ValueError):
            fitting += [spec] if fits(build(role, spec, **shape)) else []
    return ", ".join(fitting) or "of your own"


def check_output_shapes(vae):
    """Checks the batch and event shapes of the parts' outputs, on two examples and three draws.

    Args:
        vae: a built `zoo.VAE`.

    Raises:
        ValueError: a part cannot be called on the output of the one before, or returns an unexpected shape.
    """
    x = tf.zeros([2, *vae.event_shape], vae.variable_dtype)
    z = tf.zeros([3, 2, *vae.posterior.event_shape], vae.posterior.compute_dtype)
    outputs = {
        "encoder and posterior": (lambda: vae.posterior_at(x), [2], vae.posterior.event_shape),
        "prior": (lambda: vae.prior(encode=vae.posterior_at), [], vae.prior.event_shape),
        "decoder and likelihood": (lambda: vae.decode(z), [3, 2], vae.event_shape),
    }
    for output, (make, batch, event) in outputs.items():
        try:
            distribution = make()
            got = [*distribution.batch_shape], (*distribution.event_shape,)
        except (TypeError, ValueError, AttributeError, tf.errors.InvalidArgumentError) as error:
            reason = str(error).split("\n\n")[1 if "Exception encountered" in str(error) else 0]
            reason = re.sub(r"\x1b\[\d*m", "", reason).strip()
            raise ValueError(f"The parts are incompatible ({output}): {reason}") from error
        if got != (batch, event):
            raise ValueError(
                f"Expected the {output} to return a distribution of batch shape {batch} and event shape {list(event)}, "
                f"got {got[0]} and {list(got[1])}. Networks return [B, H], or [B, *x] up to channels."
            )
        if output == "encoder and posterior":
            _check_covariance(vae.posterior, distribution)


def _check_covariance(posterior, q):
    """Checks that q(z|x) has a covariance, which evaluation needs: it would fail when the training is over."""
    if type(q)._covariance is tfd.Distribution._covariance:
        raise ValueError(
            f"Expected the posterior '{name_of(posterior)}' to return a distribution with a covariance, got "
            f"{type(q).__name__}. Define its `_covariance`, or derive it from `MomentsFromDraws` of "
            f"zoo.distributions.moments."
        )
