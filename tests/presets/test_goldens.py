"""Presets of all releases load in this version and give what they gave; a renaming without a migration is found."""

import json

import keras
import pytest

import zoo
from tests.presets.goldens import GOLDEN, parts, there
from zoo import registry
from zoo.model import saving
from zoo.presets import migrations, reference
from zoo.presets.migrations import Migration
from zoo.priors import Prior, VampPrior

LARGEST = 50_000  # bytes
VAMP = next(folder for folder in there() if folder.name == "prior-vamp")


def replay(folder):
    vae = zoo.VAE.from_preset(folder)
    reference.check(vae, json.loads((folder / "reference.json").read_text(encoding="utf-8")))
    return vae


def first_of_each_kind():
    """One for each role, for `make check`; `make test` replays all."""
    return {folder.name.split("-")[0]: folder for folder in reversed(there())}.values()


@pytest.mark.parametrize("folder", first_of_each_kind(), ids=lambda folder: folder.name)
def test_a_golden_preset_of_each_kind_gives_what_it_gave(folder):
    assert replay(folder).built


@pytest.mark.slow
def test_all_golden_presets_give_what_they_gave():
    loaded = [replay(folder) for folder in there()]
    assert len(loaded) >= len(parts())


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


@pytest.fixture
def parts_of_another_version(monkeypatch):
    """A function that puts a class in the place of the VampPrior."""
    monkeypatch.setattr(registry, "_PARTS", dict(registry._PARTS))

    def rename(cls):
        del registry._PARTS["prior", "vamp"]
        return registry.register("prior", "vamp")(cls)

    yield rename
    keras.saving.register_keras_serializable("zoo.prior")(VampPrior)


def test_a_renamed_class_needs_a_migration(parts_of_another_version, monkeypatch):
    @parts_of_another_version
    class MixtureOfPosteriors(VampPrior):
        """The class by another name."""

    with pytest.raises(ValueError, match=r"'zoo.prior>VampPrior' is none of the zoo's"):
        replay(VAMP)
    renamed = {"zoo.prior>VampPrior": "zoo.prior>MixtureOfPosteriors"}
    monkeypatch.setattr(migrations, "MIGRATIONS", [Migration(classes=renamed)])
    assert type(replay(VAMP).prior) is MixtureOfPosteriors
    monkeypatch.setattr(migrations, "MIGRATIONS", [Migration(), Migration(classes=renamed)])
    assert type(replay(VAMP).prior) is MixtureOfPosteriors


def renamed_argument():
    class VampPrior(zoo.priors.VampPrior):
        """The class with another argument."""

        def __init__(self, event_shape, pseudo=500, weights="equal", seed=0, **kwargs):
            Prior.__init__(self, event_shape, **kwargs)
            self.components, self.weighting, self.seed = pseudo, weights, seed

        def get_config(self):
            config = super().get_config()
            return config | {"pseudo": config.pop("components")}

    return VampPrior


def test_a_renamed_argument_needs_a_migration(parts_of_another_version, monkeypatch):
    cls = parts_of_another_version(renamed_argument())
    with pytest.raises(ValueError, match=r"does not describe a model of this zoo: .*components"):
        replay(VAMP)
    monkeypatch.setattr(
        migrations, "MIGRATIONS", [Migration(arguments={"zoo.prior>VampPrior": {"components": "pseudo"}})]
    )
    vae = replay(VAMP)
    assert type(vae.prior) is cls
    assert vae.prior.components == 3


def test_a_run_is_migrated_by_its_schema(tmp_path, monkeypatch, parts_of_another_version):
    zoo.save(zoo.load(VAMP), tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["schema"] == 1
    cls = parts_of_another_version(renamed_argument())
    migration = Migration(arguments={"zoo.prior>VampPrior": {"components": "pseudo"}})
    monkeypatch.setattr(migrations, "MIGRATIONS", [migration])
    assert type(zoo.load(tmp_path).prior) is cls


def test_a_dropped_argument_and_an_edit():
    migration = Migration(arguments={"zoo>X": {"old": None}}, edit=lambda config: config | {"new": 1})
    config = {"registered_name": "zoo>X", "config": {"old": 1, "kept": [2]}}
    assert migration.config(config) == {"registered_name": "zoo>X", "config": {"kept": [2]}, "new": 1}
    assert config["config"] == {"old": 1, "kept": [2]}
