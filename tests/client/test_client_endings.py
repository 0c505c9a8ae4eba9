"""The commands of the client: what they refuse, what they leave behind, and what they import."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from export.client.__main__ import main
from tests.models.linear_models import linear_model, png
from tests.servers.stand_in_server import StandInServer
from tests.shared.client_commands import SHAPE, X, fails, table


def test_files_are_replaced_only_if_asked(run, server):
    Path("out.csv").write_text("mine")
    np.save("x.npy", X)
    assert "--overwrite" in fails(run, "score", "x.npy", out="out.csv")
    assert not server.asked
    assert Path("out.csv").read_text() == "mine"
    run("score", "x.npy", "--overwrite", out="out.csv")
    assert len(table("out.csv")) == 11


def test_nothing_is_left_of_a_file_that_could_not_be_finished(run, monkeypatch):
    np.save("x.npy", X)
    Path("out.csv").write_text("mine")
    writing = csv.writer

    def full(file, **settings):
        writing(file, **settings).writerow(["row"])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("export.client.files.output.csv.writer", full)
    assert "No space left" in fails(run, "score", "x.npy", "--overwrite", out="out.csv")
    assert sorted(os.listdir()) == ["out.csv", "x.npy"]
    assert Path("out.csv").read_text() == "mine"


def test_an_interruption(run, monkeypatch, capsys):
    np.save("x.npy", X)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("export.client.remote_model.RemoteModel._ask", interrupt)
    with pytest.raises(SystemExit) as end:
        run("score", "x.npy", out="scores.csv")
    assert end.value.code == 130
    assert "interrupted; nothing was written" in capsys.readouterr().err
    assert not Path("scores.csv").exists()


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["score", "x.npy"], {"out": "a.txt"}, r"--out to be a file .csv or .npz, got 'a.txt'"),
        (["score", "x.npy"], {"out": "no/a.csv"}, "folder 'no' does not exist"),
        (["score", "y.npy"], {"out": "a.csv"}, "'y.npy' does not exist"),
        (["score", "x.npy"], {"out": "a.csv", "version": 4}, r"which has the versions: 1 \(AVAILABLE\)"),
        (["score", "x.npy"], {"out": "a.csv", "model": "none"}, "Could not find any versions of model none"),
        (["score", "x.npy"], {"out": "a.csv", "batch": 0}, "--batch to be 1 or more"),
        (["score", "x.npy"], {"out": "a.csv", "timeout": 0}, "--timeout"),
        (["score", "x.npy"], {"out": "a.csv", "address": "local host:x"}, r"http://local host:x .*--address"),
        (["score", "x.npy"], {"out": "a.csv", "model": "rows"}, r"takes in .*, \[B, 3\], got \[10, 3, 2, 1\]"),
        (["sample"], {"out": "a.png", "model": "rows"}, r"rows of shape \[3\], not images"),
        (["sample", "--sampler", "aggregated"], {"out": "a.png"}, "no signature 'sample_aggregated'"),
        (["reconstruct", "a.gif"], {"out": "a.png"}, "folder of images, a PNG"),
        (["reconstruct", "empty"], {"out": "a.png"}, "No images"),
        (["reconstruct", "fake.png"], {"out": "a.png"}, "'fake.png' is neither a PNG nor a JPEG"),
        (["reconstruct", "cut.png"], {"out": "a.png"}, r"'cut.png': Asked .* for 'reconstruct_bytes'.*not an image"),
        (["encode", "x.npy", "--covariance"], {"out": "a.csv"}, r"--out to be a file .npz, got 'a.csv'"),
        (["encode", "fake.png"], {"out": "a.csv", "model": "rows"}, r"does not take image files, but x float32 \[B"),
    ],
)
def test_wrong_commands_end_with_a_sentence(run, words, options, message):
    np.save("x.npy", X)
    Path("a.gif").write_bytes(b"GIF89a")
    Path("empty").mkdir()
    Path("fake.png").write_bytes(b"GIF89a")
    Path("cut.png").write_bytes(png(np.zeros((3, 2), np.uint8))[:20])
    found = fails(run, *words, **options)
    assert re.search(message, found), found


def test_neither_tensorflow_nor_the_models_are_imported_by_rest(server, tmp_path):
    np.save(tmp_path / "x.npy", X)
    program = "import sys; from export.client.__main__ import main; main(sys.argv[1:]); print(*sys.modules)"
    words = ["score", tmp_path / "x.npy", "--out", tmp_path / "a.csv", "--address", server.rest, "--model", "images"]
    ended = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    modules = set(ended.stdout.splitlines()[-1].split())
    assert "requests" in modules
    assert not modules & {"tensorflow", "grpc", "keras", "matplotlib"}
    of_the_zoo = {name for name in modules if name.split(".")[0] == "zoo"}
    assert {name for name in of_the_zoo if not name.startswith("zoo.commands")} == {"zoo"}  # whose own parts are lazy


def test_an_address_that_is_empty_is_no_address(run):
    assert "Expected --address to be a host and a port" in fails(run, "status", address="")


def test_the_newest_version_that_is_available_is_asked_for_all_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    versions = {number: linear_model(SHAPE) for number in (2, 10, 9)}
    np.save("x.npy", X)
    with StandInServer({"images": versions}) as server:
        main(["reconstruct", "x.npy", "--model", "images", "--address", server.rest, "--out", "y.npy", "--batch", "4"])
    assert np.load("y.npy").shape == X.shape
    assert {path for path, _ in server.asked} == {"/v1/models/images/versions/10:predict"}
    assert len(server.asked) == 3
