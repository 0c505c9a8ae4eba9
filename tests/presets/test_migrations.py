"""Old presets load in a version that has other names for classes, arguments, attributes and entries of metadata."""

import io
import json

import h5py
import keras
import numpy as np
import pytest

import zoo
from tests.presets.attacks import config_of, resealed
from tests.presets.goldens import latest, replay
from zoo import registry
from zoo.posteriors import Posterior
from zoo.presets import metadata, migrations
from zoo.presets.migrations import Migration, moved
from zoo.priors import Prior, VampPrior


@pytest.fixture
def another_version(monkeypatch):
    """A function that puts another class in the place of a part, as a later version may have it."""
    monkeypatch.setattr(registry, "_PARTS", dict(registry._PARTS))
    registered = keras.saving.get_custom_objects()
    before = dict(registered)

    def put(kind, name, cls):
        old = registry._PARTS.pop((kind, name))
        for key in [key for key, value in registered.items() if value is old]:
            del registered[key]
        return registry.register(kind, name)(cls)

    yield put
    registered.clear()
    registered.update(before)


@pytest.fixture
def migrated(monkeypatch):
    """A function that sets the migrations of another version."""
    return lambda *table: monkeypatch.setattr(migrations, "MIGRATIONS", list(table))


def test_a_renamed_class_needs_a_migration(another_version, migrated):
    cls = another_version("prior", "vamp", type("MixtureOfPosteriors", (VampPrior,), {}))
    with pytest.raises(ValueError, match=r"'zoo.prior>VampPrior' is none of the zoo's"):
        replay(latest("prior-vamp"))
    renamed = {"zoo.prior>VampPrior": "zoo.prior>MixtureOfPosteriors"}
    for table in ([Migration(classes=renamed)], [Migration(), Migration(classes=renamed)]):
        migrated(*table)
        assert type(replay(latest("prior-vamp")).prior) is cls


def test_classes_that_exchange_their_names_need_a_migration(another_version, migrated):
    diag, tril = zoo.priors.DiagNormalPrior, zoo.priors.TriLNormalPrior
    swapped = {
        name: another_version("prior", name, type(other.__name__, (cls,), {}))
        for name, cls, other in (("diag", diag, tril), ("tril", tril, diag))
    }
    for name in swapped:
        with pytest.raises(ValueError, match=r"belongs to another model"):
            replay(latest(f"prior-{name}"))
    there, back = "zoo.prior>DiagNormalPrior", "zoo.prior>TriLNormalPrior"
    migrated(Migration(classes={there: back, back: there}))
    for name, cls in swapped.items():
        assert type(replay(latest(f"prior-{name}")).prior) is cls


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


PSEUDO = Migration(arguments={"zoo.prior>VampPrior": {"components": "pseudo"}})


def test_a_renamed_argument_needs_a_migration(another_version, migrated):
    cls = another_version("prior", "vamp", renamed_argument())
    with pytest.raises(ValueError, match=r"does not describe a model of this zoo: .*components"):
        replay(latest("prior-vamp"))
    migrated(PSEUDO)
    vae = replay(latest("prior-vamp"))
    assert type(vae.prior) is cls
    assert vae.prior.components == 3


def test_a_run_is_migrated_by_its_schema(tmp_path, migrated, another_version):
    zoo.save(zoo.load(latest("prior-vamp")), tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["schema"] == 1
    cls = another_version("prior", "vamp", renamed_argument())
    migrated(PSEUDO)
    assert type(zoo.load(tmp_path).prior) is cls


def renamed_attribute():
    class DiagNormalPosterior(zoo.posteriors.DiagNormalPosterior):
        """The class with its layer in another attribute."""

        def build(self, h_shape):
            self.head = self.parameter_layer(h_shape, location_size=self.event_shape[0])
            Posterior.build(self, h_shape)

        def params(self, h):
            return self.head(h)

    return DiagNormalPosterior


HEAD = Migration(weights=moved(r"(/diag_normal_posterior(_\d+)?)/params/", r"\1/head/"))


def test_a_renamed_attribute_needs_a_migration(another_version, migrated):
    cls = another_version("posterior", "diag", renamed_attribute())
    with pytest.raises(ValueError, match=r"'layers/diag_normal_posterior/head/vars/0' to be float32 .*, got nothing"):
        replay(latest("posterior-diag"))
    migrated(HEAD)
    assert type(replay(latest("posterior-diag")).posterior) is cls


def test_renamings_follow_each_other(another_version, migrated):
    """A class, then its attribute, in the next release: the second migration has the new name of the class."""
    cls = another_version("posterior", "diag", type("MeanField", (renamed_attribute(),), {}))
    first = Migration(classes={"zoo.posterior>DiagNormalPosterior": "zoo.posterior>MeanField"})
    migrated(first, Migration(weights=moved("/mean_field/params/", "/mean_field/head/")))
    assert type(replay(latest("posterior-diag")).posterior) is cls


def test_another_entry_of_metadata_needs_a_migration(monkeypatch, migrated):
    monkeypatch.setitem(metadata.TYPES, "framework", str)
    with pytest.raises(ValueError, match=r"metadata\.json' is damaged: its framework is None"):
        replay(latest("prior-standard"))
    migrated(Migration(metadata=lambda entries: entries | {"framework": "keras"}))
    assert replay(latest("prior-standard")).built


def weights_of(content):
    found = {}
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def test_only_items_of_lists_are_named_after_their_class():
    """Not attributes of that name: `params` is one of many layers, and no item is of a class Params."""
    content = (latest("prior-maf") / "model.weights.h5").read_bytes()
    classes = {"zoo>Params": "zoo>Head", "zoo>HiddenLayer": "zoo>Other", "zoo>MADE": "zoo>MaskedNetwork"}
    before, after = weights_of(content), weights_of(Migration(classes=classes).file(content))
    assert {name.replace("/made", "/masked_network") for name in before} == after.keys()
    assert "layers/maf_prior/networks/masked_network_2/hidden_layer/vars/0" in after
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name.replace("/made", "/masked_network")])


def test_weights_may_be_added_dropped_and_changed():
    content = (latest("prior-diag") / "model.weights.h5").read_bytes()

    def change(weights):
        kept = {name: 2 * values for name, values in weights.items() if name != "vars/0"}
        return kept | {"new": np.ones(3, "float32")}

    before, after = weights_of(content), weights_of(Migration(weights=change).file(content))
    assert after.keys() == {"new"} | {name for name in before if name != "vars/0"}
    np.testing.assert_array_equal(after["decoder/layers/dense/vars/0"], 2 * before["decoder/layers/dense/vars/0"])


def test_two_weights_cannot_have_one_place():
    content = (latest("prior-diag") / "model.weights.h5").read_bytes()
    with pytest.raises(ValueError, match="two of its weights would have the same name"):
        Migration(weights=moved("encoder|decoder", "network")).file(content)


def test_any_name_in_a_file_is_migrated():
    with h5py.File(buffer := io.BytesIO(), "w") as file:
        file["x/a\n/v"], file["x/\x1b/v"] = np.zeros(2), np.ones(2)
    assert weights_of(Migration(classes={"a>A": "a>B"}).file(buffer.getvalue())).keys() == {"x/a\n/v", "x/\x1b/v"}


def test_a_damaged_file_that_a_migration_cannot_read_is_refused(preset, migrated):
    config = config_of(preset)
    del config["config"]["support"]
    resealed(preset, {"config.json": config})
    migrated(Migration(edit=lambda config: config["config"]["support"]))
    with pytest.raises(ValueError, match=r"is damaged: 'support'"):
        zoo.load(preset)


def test_a_dropped_argument_and_an_edit():
    migration = Migration(arguments={"zoo>X": {"old": None}}, edit=lambda config: config | {"new": 1})
    config = {"registered_name": "zoo>X", "config": {"old": 1, "kept": [2]}}
    assert migration.config(config) == {"registered_name": "zoo>X", "config": {"kept": [2]}, "new": 1}
    assert config["config"] == {"old": 1, "kept": [2]}
