"""Results as JSON, and what is said of JSON that is none of them."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from training.evaluation.estimate import Estimate
from training.evaluation.typed_json import FLAT, from_json, none_as, to_json


@dataclass(frozen=True)
class Inner:
    count: int
    ratio: float


@dataclass(frozen=True)
class Outer:
    mean: Estimate = field(metadata=FLAT)
    inner: Inner = field(metadata=FLAT)
    word: str
    flag: bool
    array: np.ndarray
    arrays: Estimate
    each: dict[str, Inner]
    missing: Inner | None
    left_out: Inner | None = field(default=None, metadata=none_as())
    empty: Inner | None = field(default=None, metadata=none_as({}))

    DERIVED = ("twice",)

    @property
    def twice(self):
        return 2 * self.inner.count


ARRAYS = Estimate(np.array([1.0, 2.0]), np.array([0.5, 0.25]))
RESULT = Outer(Estimate(1.5, None), Inner(3, 2), "w", True, np.arange(2.0), ARRAYS, {"a": Inner(1, 0.5)}, None)
JSON = {
    "mean": 1.5,
    "mean_standard_error": None,
    "count": 3,
    "ratio": 2,
    "word": "w",
    "flag": True,
    "array": [0.0, 1.0],
    "arrays": {"value": [1.0, 2.0], "standard_error": [0.5, 0.25]},
    "each": {"a": {"count": 1, "ratio": 0.5}},
    "missing": None,
    "empty": {},
    "twice": 6,
}


def test_a_result_becomes_json_and_comes_back():
    assert to_json(RESULT) == JSON
    assert list(to_json(RESULT)) == list(JSON)
    read = from_json(Outer, JSON | {"of a later version": 1})
    assert to_json(read) == JSON
    assert (read.mean, read.inner, read.each) == (RESULT.mean, RESULT.inner, RESULT.each)
    assert read.missing is read.left_out is read.empty is None
    np.testing.assert_array_equal(read.arrays.value, RESULT.arrays.value)
    full = from_json(Outer, JSON | {key: {"count": 1, "ratio": 0.0} for key in ("missing", "left_out", "empty")})
    assert full.missing == full.left_out == full.empty == Inner(1, 0.0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"mean": "1"}, "'mean' is '1'"),
        ({"mean": None}, "has no 'mean'"),
        ({"mean_standard_error": []}, r"'mean' is \[\]"),
        ({"count": 1.5}, "'count' is 1.5"),
        ({"count": True}, "'count' is True"),
        ({"flag": 1}, "'flag' is 1"),
        ({"word": None}, "has no 'word'"),
        ({"array": 1}, "'array' is 1"),
        ({"array": ["x"]}, r"'array' is \['x'\]"),
        ({"arrays": 3.0}, "'arrays' is 3.0"),
        ({"arrays": {"value": [1.0]}}, "has no 'arrays'"),
        ({"each": {"a": {"count": 1}}}, "has no 'each.a.ratio'"),
        ({"each": []}, r"'each' is \[\]"),
        ({"missing": {"count": 1}}, "has no 'missing.ratio'"),
    ],
)
def test_json_of_another_type_is_named(change, named):
    with pytest.raises(ValueError, match=named):
        from_json(Outer, JSON | change)


def test_no_object_is_named():
    with pytest.raises(ValueError, match="expected a JSON object, got list"):
        from_json(Outer, [])
