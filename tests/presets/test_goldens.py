"""Presets of all releases load in this version and give what they gave."""

import pytest

from tests.presets.goldens import GOLDEN, parts, replay, there
from zoo import registry
from zoo.model import saving
from zoo.presets import migrations

LARGEST = 50_000  # bytes
FIRST = {folder.name.partition("-")[0]: folder for folder in reversed(there())}.values()  # of each kind


@pytest.mark.parametrize(
    "folder",
    [pytest.param(folder, marks=[] if folder in FIRST else [pytest.mark.slow], id=folder.name) for folder in there()],
)
def test_a_golden_preset_gives_what_it_gave(folder):
    """For `make check` one of each kind, for `make test` all."""
    assert replay(folder).built


def test_every_part_has_a_golden_preset():
    missing = {f"{kind}-{name}" for kind, name in parts()} - {folder.name for folder in there()}
    assert not missing, f"Run python -m tests.presets.goldens for {missing}"


@pytest.mark.parametrize("folder", there(), ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_golden_preset_is_small_and_of_its_part(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < LARGEST
    kind, _, name = folder.name.partition("-")
    config = (folder / "config.json").read_text(encoding="utf-8")
    if kind in ("normal", "network"):  # a spec within another part, and plain layers
        assert kind == "network" or f'"normal": "{name}"' in config
    elif (kind, name) in parts():
        assert f'"zoo.{kind}>{registry.get(kind, name).__name__}"' in config


def test_all_of_them_are_small():
    assert sum(path.stat().st_size for path in GOLDEN.rglob("*") if path.is_file()) < 2_000_000 * len(
        {folder.parent for folder in there()}
    )


def test_the_schema_counts_the_migrations():
    assert migrations.current_schema() == saving.SCHEMA
