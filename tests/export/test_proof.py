"""By how much an export may differ from the model in Python."""

import numpy as np
import pytest

from export.checks.proof import _compare
from export.errors import ExportError
from zoo.registry import build


def test_scores_are_compared_as_exactly_as_32_bits_allow():
    for expected, near, far in ((-22.0, -22.0009, -22.002), (-18493.4434, -18493.4395, -18493.5)):
        want = {"elbo": np.float32([expected])}
        _compare("score", "nats", want, {"elbo": np.float32([near])}, likelihood=None)
        with pytest.raises(ExportError, match=r"'elbo' of 'score' at 1 rows is .* in the C\+\+ loader, expected"):
            _compare("score", "nats", want, {"elbo": np.float32([far])}, likelihood=None)


def test_means_far_from_zero_are_compared_in_their_units():
    likelihood = build("likelihood", "normal", event_shape=(2,))
    likelihood.build((None, 3))
    likelihood.adapt(np.array([1e5, 3.0]) + np.array([1.0, 0.1]) * np.random.default_rng(0).normal(size=(100, 2)))
    want = {"mean": np.float32([[1e5, 3.0]])}
    _compare(
        "decode", "data", want, {"mean": np.float32([[1e5 + 0.02, 3.0 + 1e-6]])}, likelihood
    )  # float32 has steps of 0.008
    for far in ([1e5 + 0.1, 3.0], [1e5, 3.0 + 1e-4]):
        with pytest.raises(ExportError, match="'mean' of 'decode' at 1 rows"):
            _compare("decode", "data", want, {"mean": np.float32([far])}, likelihood)
