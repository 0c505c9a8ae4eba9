"""The weights of a trained part, for another part in its place."""

from dataclasses import dataclass

import keras

from zoo.finetuning.columns import OUTPUTS, chosen, columns_of_network, of_columns
from zoo.finetuning.designs import design
from zoo.finetuning.resampling import (
    channels_of_network,
    over_channels,
    pixels_of_likelihood,
    pixels_of_network,
    resampled,
    resized_images,
)
from zoo.likelihoods import Likelihood
from zoo.priors import Prior

NEW_COLUMN = {"scale": 1.0, "high": 1.0, "unit_pseudo_inputs": 0.5}  # values of weights for new columns; else 0


@dataclass(frozen=True)
class Shapes:
    """The shapes of the data of two models, and which columns of the old data the new ones are.

    Args:
        old: shape of x of the trained model.
        new: shape of x of the new one.
        columns: see `zoo.finetuning.columns.check_columns`; None to resample images.
    """

    old: tuple[int, ...]
    new: tuple[int, ...]
    columns: tuple[int | None, ...] | None = None


def transfer(old, new, named, shapes):
    """Copies the weights of layers whose shapes are equal, resamples those over pixels, or starts another part.

    Args:
        old: the trained part.
        new: the part in its place, built.
        named: whether the new part was asked for, so that weights of equal shape may mean something else.
        shapes: `Shapes` of x.

    Returns:
        What was done: see `Origin`.
    """
    if named and design(old) != design(new):
        return "upgraded" if getattr(new, "start_from", lambda old: False)(old) else "new"
    same = changed = 0
    convert = _conversion(old, new, shapes)
    for a, b in zip(_layers(old), _layers(new), strict=False):
        values = convert(a, b)
        changed += values is not None
        if values is None and [w.shape for w in a] == [w.shape for w in b]:
            values, same = a, same + 1
        for target, value in zip(b, values or [], strict=bool(values)):
            target.assign(value)
    layers, of_new = max(len(_layers(old)), len(_layers(new))), len(_layers(new))
    return _said(same, changed, of_new - same - changed, layers, "matched" if shapes.columns else "resampled")


def _conversion(old, new, shapes):
    """Returns a function from the weights of an old layer and of its new one to values; None if it has to be equal."""
    if shapes.columns:
        return _Columns(old, new, shapes)
    return _Pixels(old, new, shapes) if shapes.old != shapes.new else lambda a, b: None


class _Pixels:
    """A map from the weights of a layer to those of one for images of another size; None for other layers."""

    def __init__(self, old, new, shapes):
        self.is_prior, self.shapes = isinstance(old, Prior), shapes
        self.old, self.new = _pixels(old), _pixels(new)
        self.channels = channels_of_network(old) if isinstance(old, keras.Model) else set()

    def __call__(self, a, b):
        arrays, shapes = [w.numpy() for w in a], [tuple(w.shape) for w in b]
        if id(a[0]) in self.channels:
            return over_channels(arrays, shapes)
        if not self.is_prior:
            return resampled(arrays, shapes, self.old.get(id(a[0])), self.new.get(id(b[0])))
        images = [resized_images(array, self.shapes.old, self.shapes.new) for array in arrays]
        if all(image is None for image in images):
            return None
        found = [array if image is None else image for array, image in zip(arrays, images, strict=True)]
        return found if [array.shape for array in found] == shapes else None


class _Columns:
    """A map from the weights of a layer to those of one for other columns; None for other layers."""

    def __init__(self, old, new, shapes):
        (self.size,), self.columns = shapes.old, shapes.columns
        self.sides = columns_of_network(old, self.size) if isinstance(old, keras.Model) else {}
        if isinstance(old, Likelihood):
            self.sides[id(old.params.kernel)] = OUTPUTS

    def __call__(self, a, b):
        arrays, shapes = [w.numpy() for w in a], [tuple(w.shape) for w in b]
        if id(a[0]) in self.sides:
            return chosen(arrays, shapes, self.sides[id(a[0])], self.columns)
        if not {"shift", "unit_pseudo_inputs"} & {w.name for w in a}:
            return None
        values = [NEW_COLUMN.get(w.name, 0.0) for w in a]
        found = [of_columns(x, self.columns, self.size, v) for x, v in zip(arrays, values, strict=True)]
        return found if [array.shape for array in found] == shapes else None


def _said(same, changed, new, layers, how):
    if same == layers:
        return "kept"
    parts = [f"kept in {same} of {layers} layers"] * bool(same) + [f"{how} in {changed}"] * bool(changed)
    parts += [f"new in {new}"] * (new > 0 and same + changed > 0)
    return " and ".join(parts) or "new"


def _pixels(part):
    if isinstance(part, Likelihood):
        return pixels_of_likelihood(part)
    return pixels_of_network(part) if isinstance(part, keras.Model) else {}


def _layers(part):
    """Returns the weights of each layer of a part."""
    groups = {}
    for weight in part.weights:
        groups.setdefault(weight.path.rpartition("/")[0], []).append(weight)
    return list(groups.values())
