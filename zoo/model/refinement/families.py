"""The family that a refined q(z|x) is of, and where it starts."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

import zoo.parameterizations as parameterizations
from zoo.distributions.moments import MomentsFromDraws, covariance_float64
from zoo.distributions.positive import inverse_positive
from zoo.posteriors import Posterior
from zoo.posteriors.normal import NormalPosterior
from zoo.registry import build, names, spec_of


class Family(NamedTuple):
    """A posterior layer as a family of distributions with a vector of parameters for each example.

    Args:
        layer: the layer; only its `distribution` is used.
        own: whether it is the model's own.
        contains: whether it contains the model's q(z|x), so that it starts there.
    """

    layer: Any
    own: bool
    contains: bool


def family(vae, spec):
    """Returns the family of a refined q(z|x).

    Args:
        vae: a `zoo.VAE`.
        spec: spec of a posterior, or a layer; None for the model's own.

    Raises:
        KeyError: no such posterior.
        ValueError: it has other latent points, or weights besides the parameters of each q(z|x).
    """
    own, shape = vae.posterior, vae.posterior.event_shape
    layer = own if spec is None else build("posterior", spec, event_shape=shape, dtype=own.dtype_policy)
    if layer is own or spec_of(layer) == spec_of(own):
        return Family(own, own=True, contains=True)
    if not _can_start(layer, vae):
        others = ", ".join(name for name in names("posterior") if _can_start(_built(name, vae), vae))
        raise ValueError(
            f"Expected posterior= to be a family whose weights are all in its last layer and that can start from "
            f"'{spec_of(own)}', got '{spec_of(layer)}'. Leave it out, or use one of: {others or 'none'}."
        )
    same_moments = isinstance(own, NormalPosterior) and _from_covariance(layer) is not None
    return Family(layer, own=False, contains=_is_diagonal(own) or same_moments)


def params_size(vae, family):
    """Returns P, the number of parameters of q(z|x) of one example.

    Args:
        vae: a `zoo.VAE`.
        family: `Family`.
    """
    if not family.own:
        return family.layer.params_size
    h = tf.zeros([1, *vae.encoder.output_shape[1:]], vae.posterior.compute_dtype)
    return vae.posterior.params(h).shape[-1]


def start(vae, family, h):
    """Returns the initial parameters of examples [B, P]: those of the model's q(z|x), or of the nearest one.

    Args:
        vae: a `zoo.VAE`.
        family: `Family`.
        h: features of the examples [B, H].
    """
    layer, params = family.layer, vae.posterior.params(h)
    if family.own:
        return params
    dtype = layer.compute_dtype
    if _is_diagonal(vae.posterior):
        return tf.constant(layer.from_diagonal()(np.asarray(params)), dtype)
    loc, covariance = _moments(vae.posterior, h)
    if (from_covariance := _from_covariance(layer)) is not None:
        return tf.constant(from_covariance(loc, covariance), dtype)
    scale = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return tf.constant(layer.from_diagonal()(np.concatenate([loc, inverse_positive(scale)], axis=-1)), dtype)


def _moments(posterior, h):
    """Returns mean [B, L] and covariance [B, L, L] in float64."""
    q = posterior(h)
    if not isinstance(q, MomentsFromDraws):
        return np.float64(q.mean()), covariance_float64(q)
    # Draws that moments are estimated from would depend on the row's place in the batch.
    rows = [posterior(h[i : i + 1]) for i in range(len(h))]
    return tuple(
        np.concatenate([moment(q) for q in rows]) for moment in (lambda q: np.float64(q.mean()), covariance_float64)
    )


def _built(name, vae):
    try:
        return build("posterior", name, event_shape=vae.posterior.event_shape, dtype=vae.posterior.dtype_policy)
    except ValueError:  # a latent size that it does not take
        return None


def _can_start(layer, vae):
    """Returns whether a layer is a family of other distributions of z, all of whose parameters an example has."""
    if not isinstance(layer, Posterior) or layer.from_diagonal() is None:
        return False
    if layer.support != vae.posterior.support or layer.event_shape != vae.posterior.event_shape:
        return False
    if not layer.built:
        layer.build(vae.encoder.output_shape)
    of_parameters = {id(weight) for weight in getattr(layer.params, "weights", [])}
    return all(id(weight) in of_parameters for weight in layer.weights)


def _from_covariance(layer):
    return getattr(getattr(layer, "family", None), "from_covariance", None)


def _is_diagonal(posterior):
    return getattr(posterior, "family", None) == parameterizations.Diag()
