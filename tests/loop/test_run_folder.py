"""The folder of a run: what is in it, and when it may be written."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from training import run_folder as run
from training.config import Config

# when a run is finished


@pytest.fixture
def config(tmp_path):
    return Config(out=str(tmp_path / "run"))


@pytest.fixture
def put(config):
    """A function that puts texts into the run's folder."""

    def put(texts):
        for name, text in texts.items():
            path = config.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return put


def test_missing_or_empty_folder_is_no_finished_run(config):
    assert not run.is_finished(config)
    assert not config.folder.exists()
    config.folder.mkdir()
    assert not run.is_finished(config)


def test_run_is_finished_once_its_report_is_there(config, put):
    put({run.CONFIG: config.to_json(), run.SCORES: "{}"})
    assert not run.is_finished(config)
    put({run.REPORT: "report"})
    assert run.is_finished(config)


def test_runs_of_before_schedules_and_averages_had_a_constant_rate_and_none(config, put):
    older = {name: value for name, value in json.loads(config.to_json()).items() if name not in ("lr_schedule", "ema")}
    put({run.CONFIG: json.dumps(older), run.REPORT: "report"})
    assert run.is_finished(config)  # the same run
    with pytest.raises(ValueError, match=r"contains another run \(ema is 0\.0 there, 0\.99 here\)"):
        run.is_finished(replace(config, ema=0.99))


@pytest.mark.parametrize("texts", [{"thesis.tex": "text"}, {run.REPORT: "report"}])
def test_folder_of_something_else_is_refused(config, put, texts):
    put(texts)
    with pytest.raises(ValueError, match="does not contain a training run") as error:
        run.is_finished(config)
    assert f"'{config.folder}'" in str(error.value)


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ({"latent": 3}, ["latent is 3 there, None here"]),
        ({"seed": 1, "prior": "mixture"}, ["seed is 1 there, 0 here", "prior is 'mixture' there, None here"]),
    ],
)
def test_another_run_is_refused_with_what_differs(config, put, there, words):
    put({run.CONFIG: replace(config, **there).to_json(), run.REPORT: "report"})
    with pytest.raises(ValueError) as error:
        run.is_finished(config)
    for word in [f"'{config.folder}'", "--out", "--overwrite", *words]:
        assert word in str(error.value)
    assert "epochs" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"foo": 1}', '{"latent": "many"}'])
def test_damaged_config_is_refused_with_its_path(config, put, text):
    put({run.CONFIG: text, run.MODEL: "{}"})
    with pytest.raises(ValueError) as error:
        run.is_finished(config)
    assert str(config.folder) in str(error.value)


@pytest.mark.parametrize(
    "texts",
    [
        {run.CONFIG: Config().to_json(), run.REPORT: "report"},
        {run.CONFIG: Config(model="mog_vae", latent=3).to_json(), run.REPORT: "report"},
    ],
    ids=["finished", "another run"],
)
def test_overwriting_goes_before_whatever_run_is_there(config, put, texts):
    put(texts)
    assert not run.is_finished(replace(config, overwrite=True))


@pytest.mark.parametrize(
    "texts",
    [
        {"thesis.tex": "text"},
        {run.CONFIG: '{"name": "another project"}', run.REPORT: "its report"},
        {run.CONFIG: "{}", run.SCORES: "its scores"},
        {run.CONFIG: '{"seed": 1, "epochs": 3}', run.MODEL: "{}", f"{run.EVENTS}/train/events.out.1": "its events"},
        {run.CONFIG: "{", run.MODEL: "{}"},
    ],
)
def test_what_is_no_run_is_never_overwritten(config, put, texts):
    put(texts)
    with pytest.raises(ValueError, match="does not contain a training run"):
        run.is_finished(replace(config, overwrite=True))


def test_what_a_killed_start_leaves_is_no_hindrance(config, put):
    put({f"partial-0-{run.CONFIG}": config.to_json()[:50]})
    assert not run.is_finished(config)
    run.start(config)
    assert Config.from_json((config.folder / run.CONFIG).read_text()) == replace(config, out=None)


def test_homes_in_paths_are_found(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    config = Config(out="~/run", data="~/x.csv", data_dir="~/data", validation_data="~/v.npy", test_data="~/t.npy")
    assert config.folder == Path("/home/somebody/run")
    assert config.data == "/home/somebody/x.csv"
    assert (config.data_dir, config.test_data) == ("/home/somebody/data", "/home/somebody/t.npy")
    assert config.validation_data == "/home/somebody/v.npy"


# the start of a run


def test_start_makes_a_folder_with_the_config(config):
    deep = replace(config, out=f"{config.out}/a/b")
    assert run.start(deep) == deep.folder
    assert [path.name for path in deep.folder.iterdir()] == [run.CONFIG]
    assert Config.from_json((deep.folder / run.CONFIG).read_text()) == replace(deep, out=None)
    assert not run.is_finished(deep)


def test_start_removes_the_files_of_a_run_and_no_others(config, put):
    of_a_run = [
        *run.FILES,
        f"{run.EVENTS}/train/events.out.tfevents.1",
        f"{run.EVENTS}/validation/events.out.tfevents.2",
        f"{run.CHECKPOINTS}/step-20.index",
    ]
    others = [
        "thesis.tex",
        "figures/one.txt",
        f"{run.EVENTS}/notes.txt",
        f"{run.EVENTS}/train/notes.txt",
        "figures/report.html",
    ]
    put(dict.fromkeys(of_a_run + others, "old"))
    run.start(replace(config, overwrite=True))
    left = {path.relative_to(config.folder).as_posix() for path in config.folder.rglob("*") if path.is_file()}
    assert left == {run.CONFIG, *others}
    assert all((config.folder / name).read_text() == "old" for name in others)
    assert (config.folder / run.CONFIG).read_text() == config.to_json()


@pytest.mark.parametrize("deaths", range(1, len(run.FILES)))
def test_a_killed_overwriting_leaves_what_can_be_overwritten_and_passes_for_no_whole_run(
    config, put, monkeypatch, deaths
):
    def unlink_and_die_in_time(path, missing_ok=False):
        nonlocal deaths
        unlink(path, missing_ok=missing_ok)
        deaths -= 1
        if not deaths:
            raise KeyboardInterrupt

    put(dict.fromkeys(run.FILES, "old") | {run.CONFIG: config.to_json()})
    unlink, overwriting = Path.unlink, replace(config, overwrite=True)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink_and_die_in_time)
        with pytest.raises(KeyboardInterrupt):
            run.start(overwriting)
    assert not run.is_finished(config)
    assert not run.is_finished(overwriting)
    run.start(overwriting)
    assert [path.name for path in config.folder.iterdir()] == [run.CONFIG]


def test_start_leaves_a_run_that_was_begun_as_it_is(config, put):
    put({run.CONFIG: config.to_json(), run.HISTORY: "old", f"{run.CHECKPOINTS}/step-20.index": "old"})
    before = {path: path.read_bytes() for path in config.folder.rglob("*") if path.is_file()}
    assert run.start(config) == config.folder
    assert {path: path.read_bytes() for path in config.folder.rglob("*") if path.is_file()} == before


def test_start_refuses_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("a regular file")
    folder = tmp_path / "file" / "run"
    with pytest.raises(ValueError, match="--out") as error:
        run.start(Config(out=str(folder)))
    assert f"'{folder}'" in str(error.value)


# writing


@pytest.mark.parametrize("old", [None, "old"])
def test_write_replaces_the_whole_text(tmp_path, old):
    path = tmp_path / "file"
    if old:
        path.write_text(old)
    run.write(path, "néw")
    assert path.read_text(encoding="utf-8") == "néw"
    assert list(tmp_path.iterdir()) == [path]


def test_write_that_fails_midway_leaves_the_old_text(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        run.write(path, "new " * 100_000)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


@pytest.mark.parametrize("old", [None, "old"])
def test_write_that_fails_at_the_end_leaves_the_old_text(tmp_path, monkeypatch, old):
    def fail(*args):
        raise OSError("disk full")

    path = tmp_path / "file"
    if old:
        path.write_text(old)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        run.write(path, "new")
    assert path.exists() == bool(old)
    assert not old or path.read_text() == old
