"""Files of a trained run that are damaged: named, with what to do."""

import json

import pytest

from training import run_folder as run
from training.config import Config

SCORES = {"model": "m", "data": "d", "devices": "one CPU", "epochs": 1, "training_seconds": 2.5}
HISTORY = "epoch,loss,reconstruction,kl,val_loss,val_reconstruction,val_kl,annealing\n0,1,2,3,4,5,6,1\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *((run.SCORES, text) for text in (b"", b"{", b"[]", b"{}", b"\xff\x00", b'{"epochs": "x"}')),
        *((run.SCORES, json.dumps({**SCORES, key: [1]}).encode()) for key in SCORES),
        *((run.HISTORY, text) for text in (b"", b"\xff\x00", b"epoch,loss\n", b"epoch,x\n0,1\n", b"a\0b")),
        (run.HISTORY, HISTORY.replace("4", "four").encode()),
        (run.HISTORY, HISTORY.encode()[:-6]),
        (run.HISTORY, HISTORY.encode() + b"1,2\n"),
        (run.HISTORY, HISTORY.splitlines()[0].encode()),
    ],
)
def test_damaged_scores_and_histories_are_named(tmp_path, name, content):
    config = Config(out=str(tmp_path))
    for file, text in {run.CONFIG: config.to_json(), run.SCORES: json.dumps(SCORES), run.HISTORY: HISTORY}.items():
        (tmp_path / file).write_text(text)
    assert run.read(config.folder)[2]["val_loss"] == [4.0]
    (config.folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"is damaged.*train the run again") as error:
        run.read(config.folder)
    assert f"'{config.folder / name}'" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("binarize", "bogus", "'none' or 'static' or 'dynamic' or null, got 'bogus'"),
        ("precision", "float8", "'mixed_float16', got 'float8'"),
        ("jit", "maybe", "bool, got 'maybe'"),
        ("model", None, "str, got None"),
        ("epochs", 3.5, "int or null, got 3.5"),
        ("epochs", True, "int or null, got True"),
        ("epochs", 10**9, "from 1 to 100000, got"),
        ("samples", 10**12, "from 1 to 10000000, got"),
        ("image_size", 3, "tuple or null, got 3"),
    ],
)
def test_a_setting_that_was_tampered_with_is_named(name, value, words):
    with pytest.raises(ValueError, match=f"Expected (--)?{name} to be .*{words}"):
        Config.from_json(json.dumps(json.loads(Config().to_json()) | {name: value}))
