"""DistributionLayer, h ↦ p(·|h): the one abstraction behind posteriors, priors and likelihoods."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


class DistributionLayer(keras.layers.Layer):
    """A layer from features to a distribution, h ↦ p(·|h).

    To write one: make weights in `build`, return a `tfd.Distribution` from `call` with event shape
    `event_shape` and the batch shape of `h`. Give each constructor argument a default, keep it under
    its own name, list it in `get_config`. Distributions are made in `call` only: one that is made
    earlier holds on to stale weights and gives them no gradient.

    Args:
        event_shape: shape of one draw.
        **kwargs: Keras's. `dtype` is float32 whatever the global policy says, because log-densities
            do not survive half precision.
    """

    def __init__(self, event_shape: Sequence[int], **kwargs: Any):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.event_shape = tuple(event_shape)

    def dense(
        self,
        size: int,
        h_shape: Sequence[int | None],
        gain: Callable[[int], float | np.ndarray] = lambda size: 1.0,
    ) -> keras.layers.Layer:
        """Builds a linear map h ↦ parameters.

        Args:
            size: number of parameters.
            h_shape: shape of the features, the last axis known.
            gain: function from their number to the scale of the initial outputs, one or one for each of them.
        """
        layer = keras.layers.Dense(size, dtype=self.dtype_policy, name="params")
        layer.build(h_shape)  # which counts the weights, before anything of their size is made
        layer.kernel.assign(layer.kernel * gain(size))
        return layer

    def get_config(self):
        return super().get_config() | {"event_shape": list(self.event_shape)}
