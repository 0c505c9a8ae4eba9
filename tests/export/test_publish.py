"""Versions appear whole, under a new number, or not at all."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from export import manifest, publish
from tests import ROOT

FILES = {"saved_model.pb": b"graph" * 1000, "variables/variables.index": b"index", "assets.extra/requests": b"warm"}


def build(folder, pause=0.0):
    """Writes a version file by file, as slowly as is asked for."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        time.sleep(pause)
    manifest.write(folder, {})


def is_whole(version):
    return all((version / name).read_bytes() == content for name, content in FILES.items()) and manifest.read(version)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_numbers_are_greater_than_every_one_that_is_there(tmp_path):
    for name in ("3", "007", "12x", "partial", "1.5", "²"):
        (tmp_path / name).mkdir()
    (tmp_path / "99").write_text("no folder")
    assert publish.publish(tmp_path, build) == tmp_path / "8"
    assert publish.publish(tmp_path, build) == tmp_path / "9"
    assert [path.name for path in publish.versions(tmp_path)] == ["3", "007", "8", "9"]
    assert publish.publish(tmp_path / "new", build).name == "1"
    assert is_whole(tmp_path / "9")


def test_a_version_that_is_there_is_never_touched(tmp_path):
    first = publish.publish(tmp_path, build)
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    publish.publish(tmp_path, build)
    assert before == {path: path.stat().st_mtime_ns for path in first.rglob("*")}


def test_an_export_that_fails_leaves_nothing_behind(tmp_path):
    def failing(folder):
        build(folder)
        raise RuntimeError("proof failed")

    with pytest.raises(RuntimeError, match="proof failed"):
        publish.publish(tmp_path / "served" / "vae", failing)
    assert names(tmp_path) == []
    publish.publish(tmp_path / "served" / "vae", build)
    with pytest.raises(RuntimeError, match="proof failed"):
        publish.publish(tmp_path / "served" / "vae", failing)
    assert names(tmp_path / "served" / "vae") == ["1"]


def test_who_polls_never_sees_a_part_of_a_version(tmp_path):
    seen, wrong, done = set(), [], threading.Event()

    def poll():  # as the server does: the largest number, looked at at once
        while not done.is_set():
            for version in publish.versions(tmp_path)[-1:]:
                seen.add(version.name)
                if not is_whole(version):
                    wrong.append(version)

    poller = threading.Thread(target=poll)
    poller.start()
    for _ in range(10):
        publish.publish(tmp_path, lambda folder: build(folder, pause=0.005))
    done.set()
    poller.join()
    assert wrong == []
    assert len(seen) > 5


def test_exports_at_the_same_time_get_numbers_of_their_own(tmp_path):
    def publish_some():
        for _ in range(10):
            publish.publish(tmp_path, build)

    threads = [threading.Thread(target=publish_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(tmp_path) == sorted(str(i) for i in range(1, 41))
    assert all(map(is_whole, publish.versions(tmp_path)))


KILLED = """
import os, signal, sys
from pathlib import Path
from export import publish

def build(folder):
    (folder / "saved_model.pb").write_bytes(b"graph")
    os.kill(os.getpid(), signal.SIGKILL)

publish.publish(Path(sys.argv[1]), build)
"""


def test_a_writer_that_is_killed_leaves_no_version(tmp_path):
    publish.publish(tmp_path, build)
    root = ROOT
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [path.name for path in publish.versions(tmp_path)] == ["1"]
    (left,) = (path for path in tmp_path.iterdir() if path.name.startswith(publish.PARTIAL))
    assert publish.publish(tmp_path, build).name == "2"
    assert left.exists()  # it might be an export that is still at work
    os.utime(left, (0, time.time() - publish.FORGOTTEN - 1))
    publish.publish(tmp_path, build)
    assert names(tmp_path) == ["1", "2", "3"]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "served").write_text("a file")
    with pytest.raises(OSError, match="served"):
        publish.publish(tmp_path / "served" / "vae", build)
    assert (tmp_path / "served").read_text() == "a file"


def signature(outputs, **inputs):
    def specs(names):
        return {name: {"dtype": "float32", "shape": shape} for name, shape in names.items()}

    return {"inputs": specs(inputs), "outputs": specs(outputs)}


OLD = {"encode": signature({"loc": [None, 2]}, x=[None, 4]), "decode": signature({"mean": [None, 4]}, z=[None, 2])}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"score": signature({"elbo": [None]}, x=[None, 4])}, []),
        ({"encode": signature({"loc": [None, 2], "covariance": [None, 2, 2]}, x=[None, 4])}, []),
        ({"decode": None}, ["no 'decode'"]),
        (
            {"encode": signature({"loc": [None, 3]}, x=[None, 4])},
            ["'loc' of 'encode' was float32 [None, 2], is float32 [None, 3]"],
        ),
        ({"encode": signature({}, x=[None, 4])}, ["'loc' of 'encode' was float32 [None, 2], is missing"]),
        ({"encode": signature({"loc": [None, 2]}, x=[None, 4], seed=[None, 2])}, ["'encode' wants 'seed' too"]),
    ],
)
def test_what_clients_would_miss(change, said):
    new = {name: value for name, value in (OLD | change).items() if value}
    assert manifest.missing(OLD, new) == said


def test_what_is_no_manifest_is_read_as_none(tmp_path):
    assert manifest.read(tmp_path) is None
    for text in ("{", "[]", '{"format": "else"}', "null"):
        (tmp_path / manifest.FILE).write_text(text)
        assert manifest.read(tmp_path) is None
    manifest.write(tmp_path, {"name": "tril_vae"})
    assert manifest.read(tmp_path)["name"] == "tril_vae"
    assert json.loads((tmp_path / manifest.FILE).read_text())["sha256"] == {}
