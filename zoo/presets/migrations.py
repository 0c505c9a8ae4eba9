"""Migrations: what changes in presets from one schema to the next, so that old ones load in later versions.

Whoever renames a class or an argument that is in configs adds an entry to `MIGRATIONS` and raises
`zoo.model.saving.SCHEMA`, which is 1 + the number of entries; tests/presets/test_goldens.py fails otherwise.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py


@dataclass(frozen=True)
class Migration:
    """The step from one schema to the next.

    Args:
        classes: registered name → new registered name, e.g. {"zoo.prior>VampPrior": "zoo.prior>MixtureOfPosteriors"}.
            The weights of its layers, whose groups in the file are named after the class, move along.
        arguments: registered name, the new one → {argument: new argument, or None to drop it}.
        edit: a function of the whole config to the new one, for what is not a renaming.
    """

    classes: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    edit: Callable[[Any], Any] = lambda config: config

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

    def weights(self, content: bytes) -> bytes:
        """Returns a weights file of the next schema.

        Args:
            content: of an .h5 file, checked.
        """
        groups = {snake_case(old): snake_case(new) for old, new in self.classes.items()}
        buffer = io.BytesIO(content)
        paths: list[str] = []
        with h5py.File(buffer, "r+") as file:
            file.visit(paths.append)
            for path in sorted(paths, key=lambda path: -path.count("/")):  # the innermost first
                parent, _, name = path.rpartition("/")
                stem, number = re.fullmatch(r"(.*?)((?:_\d+)?)", name).groups()  # type: ignore[union-attr]
                if stem in groups:
                    file.move(path, f"{parent}/{groups[stem]}{number}")
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
        config = migration.config(config)
        weights = migration.weights(weights) if migration.classes else weights
    return config, weights


def snake_case(registered: str) -> str:
    """Returns the name that Keras gives to the weights of a class: "zoo.prior>VampPrior" ↦ "vamp_prior"."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", registered.split(">")[-1])
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
