"""DistributionLayer, h ↦ p(·|h): the one abstraction behind posteriors, priors and likelihoods."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from zoo.checks import check_int


class DistributionLayer(keras.layers.Layer):
    """A layer from features to a distribution, h ↦ p(·|h).

    To write a subclass: create weights in `build`, and return a `tfd.Distribution` from `call` with event shape
    `event_shape` and the batch shape of `h`. Give each constructor argument a default, store it in an attribute of
    the same name, and list it in `get_config`. Create distributions only in `call`: one that is created earlier
    captures stale weights, which then get no gradient.

    Args:
        event_shape: shape of one draw.
        **kwargs: arguments of `keras.layers.Layer`. `dtype` defaults to float32 whatever the global dtype policy,
            because log-densities lose too much in half precision.
    """

    def __init__(self, event_shape: Sequence[int], **kwargs: Any):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.event_shape = tuple(check_int(size, "a size in event_shape") for size in event_shape)

    def dense(
        self,
        size: int,
        h_shape: Sequence[int | None],
        gain: Callable[[int], float | np.ndarray] = lambda size: 1.0,
    ) -> keras.layers.Layer:
        """Builds a linear map h ↦ parameters.

        Args:
            size: number of parameters.
            h_shape: shape of the features; the last axis must be known.
            gain: function from `size` to the scale of the initial outputs, a number or an array [size].
        """
        layer = keras.layers.Dense(size, dtype=self.dtype_policy, name="params")
        layer.build(h_shape)  # checks their memory before `gain` allocates arrays of their size
        layer.kernel.assign(layer.kernel * gain(size))
        return layer

    def get_config(self):
        return super().get_config() | {"event_shape": list(self.event_shape)}
