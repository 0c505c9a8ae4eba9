"""Migrations: what changes in presets from one schema to the next, so that old ones load in later versions.

Whoever renames a class, an argument or an attribute that holds layers or weights, or adds an entry to metadata.json,
adds an entry to `MIGRATIONS` and raises `zoo.model.saving.SCHEMA`, which is 1 + the number of entries;
tests/presets/test_goldens.py fails otherwise.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import h5py
import numpy as np

Weights: TypeAlias = dict[str, np.ndarray]  # path in the file, "layers/vamp_prior/vars/0" → values


def unchanged(value: Any) -> Any:
    """Returns its argument: what a migration does to what it does not change."""
    return value


def moved(pattern: str, replacement: str) -> Callable[[Weights], Weights]:
    r"""Returns a function that moves weights, as a renamed attribute does.

    For `params` ↦ `head` of one class it is

        moved(r"(/diag_normal_posterior(_\d+)?)/params/", r"\1/head/")

    Args:
        pattern: regular expression of a part of a path.
        replacement: of that part, as in `re.sub`.
    """
    return lambda weights: _relocated(weights, lambda path: re.sub(pattern, replacement, path))


@dataclass(frozen=True)
class Migration:
    """The step from one schema to the next: of the config first classes, then arguments, then `edit`.

    Args:
        classes: registered name → new registered name, e.g. {"zoo.prior>VampPrior": "zoo.prior>MixtureOfPosteriors"};
            all at once, so that two classes may exchange their names. Weights that Keras names after the class, those
            of items of lists and dicts, move along.
        arguments: registered name, the new one → {argument: new argument, or None to drop it}.
        edit: a function of the whole config to the new one, for what is not a renaming.
        weights: a function of the weights, by their paths with the new classes, to the new ones; see `moved`.
        metadata: a function of the entries of metadata.json to the new ones.
    """

    classes: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    edit: Callable[[Any], Any] = unchanged
    weights: Callable[[Weights], Weights] = unchanged
    metadata: Callable[[dict], dict] = unchanged

    def config(self, value: Any) -> Any:
        """Returns a config of the next schema."""
        return self.edit(self._renamed(value))

    def _renamed(self, value):
        if isinstance(value, list):
            return [self._renamed(item) for item in value]
        if not isinstance(value, dict):
            return value
        value = {key: self._renamed(item) for key, item in value.items()}
        registered = value.get("registered_name")
        if isinstance(registered, str) and registered in self.classes:
            registered = self.classes[registered]
            value |= {"registered_name": registered, "class_name": registered.split(">")[-1]}
        if isinstance(registered, str) and isinstance(value.get("config"), dict):
            renamed = self.arguments.get(registered, {})
            entries = {renamed.get(key, key): item for key, item in value["config"].items()}
            value["config"] = {key: item for key, item in entries.items() if key is not None}
        return value

    def file(self, content: bytes) -> bytes:
        """Returns a weights file of the next schema.

        Args:
            content: of an .h5 file, checked.
        """
        names = {snake_case(old): snake_case(new) for old, new in self.classes.items()}
        if not names and self.weights is unchanged:
            return content
        weights, items = _read(content)

        def renamed(path):
            groups = path.split("/")
            for i in range(len(groups)):
                stem, number = re.fullmatch(r"(.*?)((?:_\d+)?)", groups[i], re.DOTALL).groups()
                if "/".join(path.split("/")[: i + 1]) in items and stem in names:
                    groups[i] = names[stem] + number
            return "/".join(groups)

        return _written(self.weights(_relocated(weights, renamed)))


def _read(content):
    """Returns the weights in a file, and the paths of the groups that are items of a list or a dict of layers.

    Keras names an item after its class, and what is no item after its attribute. It writes a group `vars` for each
    layer, and none for a list or a dict.
    """
    weights, groups = {}, set()

    def note(path, item):
        if isinstance(item, h5py.Dataset):
            weights[path] = item[()]
        else:
            groups.add(path)

    with h5py.File(io.BytesIO(content), "r") as file:
        file.visititems(note)
    parents = {path: path.rpartition("/")[0] for path in groups}
    return weights, {path for path, parent in parents.items() if parent and f"{parent}/vars" not in groups}


def _relocated(weights, place):
    """Returns weights at other paths, all moved at once."""
    there = {place(path): values for path, values in weights.items()}
    if len(there) < len(weights):
        raise ValueError("two of its weights would have the same name in this version")
    return there


def _written(weights):
    with h5py.File(buffer := io.BytesIO(), "w", libver=("v108", "v108")) as file:
        for path, values in weights.items():
            file.create_dataset(path, data=values)
    return buffer.getvalue()


MIGRATIONS: list[Migration] = []  # the first from schema 1 to 2, and so on


def current_schema() -> int:
    """Returns the schema that this version writes."""
    return 1 + len(MIGRATIONS)


def check_schema(schema: Any, path: object) -> None:
    """Checks that this version can read a schema.

    Args:
        schema: as it is in the file.
        path: of the file, for messages.

    Raises:
        ValueError: it is no schema, or one of a later version.
    """
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise ValueError(f"'{path}' is damaged: expected its schema to be a number from 1, got {schema!r:.50}.")
    if schema > current_schema():
        raise ValueError(
            f"'{path}' has schema {schema}, but this version reads schemas up to {current_schema()}. Upgrade vae-zoo."
        )


def migrate(config: dict, weights: bytes, schema: int) -> tuple[dict, bytes]:
    """Returns the config and the weights of the current schema.

    Args:
        config: of a model, its bounds checked.
        weights: content of its .h5 file, checked.
        schema: of both.
    """
    for migration in MIGRATIONS[schema - 1 :]:
        config, weights = migration.config(config), migration.file(weights)
    return config, weights


def migrate_metadata(metadata: dict) -> dict:
    """Returns the entries of metadata.json of the current schema.

    Args:
        metadata: of the schema that it names.
    """
    for migration in MIGRATIONS[metadata["schema"] - 1 :]:
        metadata = migration.metadata(metadata)
    return metadata


def snake_case(registered: str) -> str:
    """Returns the name that Keras gives to the weights of a class: "zoo.prior>VampPrior" ↦ "vamp_prior"."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", registered.split(">")[-1])
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
