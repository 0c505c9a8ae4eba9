"""Awkward .csv files: what the training reads is what the client sends, or both refuse."""

import subprocess
import sys

import numpy as np
import pytest

from export.client.files.table import table
from tests import ROOT
from training.data.files.csv import CsvFile
from training.data.settings import DataSettings

ROWS = [[1, 2.5, -3], [4, 5, 6e-3], [7, 8, 9]]
PLAIN = "1,2.5,-3\n4,5,6e-3\n7,8,9\n"
SEMICOLONS = PLAIN.replace(",", ";")

READ = {
    "no names": PLAIN,
    "names": "a,b,c\n" + PLAIN,
    "byte order mark": "\ufeffa,b,c\n" + PLAIN,
    "byte order mark, no names": "\ufeff" + PLAIN,
    "semicolons": "a;b;c\n" + SEMICOLONS,
    "tabs": "a\tb\tc\n" + PLAIN.replace(",", "\t"),
    "commas in names between semicolons": "a;b, in m;c\n" + SEMICOLONS,
    "carriage returns": ("a,b,c\n" + PLAIN).replace("\n", "\r\n"),
    "old carriage returns": ("a,b,c\n" + PLAIN).replace("\n", "\r"),
    "no line break at the end": "a,b,c\n" + PLAIN[:-1],
    "blank lines": "a,b,c\n\n" + PLAIN.replace("\n", "\n\n"),
    "blank lines between names and rows": "a,b,c\r\n\r\n" + PLAIN,
    "quoted names": '"a","b","c"\n' + PLAIN,
    "a delimiter in a quoted name": '"a, x",b,c\n' + PLAIN,
    "a line break in a quoted name": '"a\nx",b,c\n' + PLAIN,
    "quoted cells": '"1","2.5","-3"\n"4","5","6e-3"\n"7","8","9"\n',
    "spaces around cells": "a, b ,c\n 1, 2.5 ,-3\n4 ,5,\t6e-3\n7,8, 9 \n",
    "signs and exponents": "+1,25e-1,-3.0\n4.,5E0,.006\n007,8,9\n",
    "a comment sign": "# a,b,c\n" + PLAIN,
    "a comment sign before numbers": "#1,2,3\n" + PLAIN,
    "positions as names": "0,1,2\n" + PLAIN,
    "an index": ",a,b,c\n0,1,2.5,-3\n1,4,5,6e-3\n2,7,8,9\n",
    "an index, and positions as names": ",0,1,2\n0,1,2.5,-3\n1,4,5,6e-3\n2,7,8,9\n",
    "an index of pandas": "Unnamed: 0,a,b,c\n5,1,2.5,-3\n6,4,5,6e-3\n4,7,8,9\n",
    "an id at the end": "a,b,c,PassengerId\n1,2.5,-3,10\n4,5,6e-3,11\n7,8,9,12\n",
    "an index and an id": ",a,row_id,b,c\n0,1,5,2.5,-3\n1,4,6,5,6e-3\n2,7,7,8,9\n",
    "an id that is not unique": "id,b,c\n1,2.5,-3\n4,5,6e-3\n4,8,9\n",
    "labels": "a,Label,b,c\n1,cat,2.5,-3\n4,dog,5,6e-3\n7,cat,8,9\n",
    "labels with a delimiter": 'a,class,b,c\n1,"cat, red",2.5,-3\n4,dog,5,6e-3\n7,cat,8,9\n',
    "labels that are numbers": "target,a,b,c\n0,1,2.5,-3\n1,4,5,6e-3\n0,7,8,9\n",
    "an index, an id and labels": ",id,a,b,c,target\n0,9,1,2.5,-3,x\n1,8,4,5,6e-3,y\n2,7,7,8,9,x\n",
    "an index that repeats, and an id": ",b,c,id\n1,2.5,-3,0\n4,5,6e-3,1\n4,8,9,2\n",
    "an id that repeats, and labels": "id,b,c,label\n1,2.5,-3,x\n4,5,6e-3,y\n4,8,9,x\n",
}
EXPECTED = dict.fromkeys(READ, ROWS) | {
    "an id that is not unique": [[1, 2.5, -3], [4, 5, 6e-3], [4, 8, 9]],
    "an index that repeats, and an id": [[1, 2.5, -3], [4, 5, 6e-3], [4, 8, 9]],
    "an id that repeats, and labels": [[1, 2.5, -3], [4, 5, 6e-3], [4, 8, 9]],
}

REFUSED = {
    "nothing": "",
    "blank lines alone": "\n\n",
    "names alone": "a,b,c\n",
    "decimal commas": "a;b;c\n1;2,5;-3\n4;5;0,006\n",
    "decimal commas, no names": "1,5;2,5;3,5\n4,5;5,5;6,5\n",
    "decimal commas in quotes": 'a,b,c\n"1","2,5","-3"\n',
    "thousands": 'a,b\n"1,000",2\n',
    "underscores": "a,b\n1_000,2\n",
    "a trailing delimiter": "a,b,\n1,2,\n3,4,\n",
    "a trailing delimiter, no names": "1,2,\n3,4,\n",
    "a trailing delimiter after rows": "a,b\n1,2,\n3,4,\n",
    "a missing cell": "a,b\n1,\n2,3\n",
    "NA": "a,b\n1,NA\n2,3\n",
    "a question mark": "1,?\n2,3\n",
    "NaN": "a,b\n1,nan\n2,3\n",
    "infinity": "a,b\n1,-inf\n2,3\n",
    "over the largest number": "a,b\n1,1e999\n",
    "text": "a,b\n1,x\n",
    "dates": "a,b\n1,2024-01-31\n",
    "percent": "a,b\n1,20%\n",
    "booleans": "a,b\n1,True\n",
    "hexadecimal": "a,b\n1,0x1F\n",
    "a text for an id": "id,a,b\nx1,1,2\nx2,3,4\n",
    "a text for an index": ",a,b\nx1,1,2\nx2,3,4\n",
    "a short row": "a,b,c\n1,2,3\n4,5\n",
    "a long row": "a,b,c\n1,2,3,4\n",
    "spaces": "a b c\n1 2 3\n4 5 6\n",
    "vertical bars": "1|2|3\n4|5|6\n",
    "a quote that is not closed": 'a,b\n1,"2\n3,4\n',
    "UTF-16": "a,b\n1,2\n".encode("utf-16"),
    "UTF-16 without a mark": "a,b\n1,2\n".encode("utf-16-le"),
    "latin-1": "größe,b\n1,2\n".encode("latin-1"),
}


@pytest.fixture
def ends(tmp_path):
    """A function of a file's text: how the training reads it, and how the client does for a number of columns."""

    def make(text):
        path = tmp_path / "t.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return lambda: CsvFile().read(path, DataSettings(data=str(path))), lambda width: table(path, width)

    return make


@pytest.mark.parametrize("name", READ)
def test_what_is_trained_on_is_what_is_sent(ends, name):
    training, client = ends(READ[name])
    trained = training().parts["train"].x[:]
    np.testing.assert_array_equal(trained, np.float32(EXPECTED[name]))
    np.testing.assert_array_equal(np.float32(client(3)), trained)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_not_sent(ends, name):
    training, client = ends(REFUSED[name])
    with pytest.raises(ValueError, match=r"t\.csv") as refused:
        training()
    assert "\n" not in str(refused.value)
    for width in range(1, 6):
        with pytest.raises(ValueError, match=r"t\.csv") as unsent:
            client(width)
        assert str(unsent.value) == str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [("label,class,a\n1,2,3\n4,5,6\n", "'label' and 'class' may be"), ("label\n1\n2\n", "'label' is labels")],
)
def test_labels_that_are_not_clear_are_sent_only_as_numbers(ends, text, words):
    training, client = ends(text)
    columns = text.split("\n")[0].count(",") + 1
    for width in range(1, 6):
        if width != columns:  # else the model was trained on all of them
            with pytest.raises(ValueError, match=words):
                client(width)
    with pytest.raises(ValueError, match=words):
        training()


def test_rows_that_repeat_an_id_are_sent_without_it(ends):
    training, client = ends("id,a,b\n1,2,3\n2,4,5\n")
    assert training().parts["train"].x.shape == (2, 2)
    _, client = ends("id,a,b\n1,2,3\n1,2,3\n")
    np.testing.assert_array_equal(client(2), [[2, 3], [2, 3]])


def test_labels_are_not_needed_to_send_rows(ends):
    training, client = ends("a,b,label\n1,2,\n3,4,x\n")
    with pytest.raises(ValueError, match=r"Expected a label in each row, but column 'label' .* empty in line 2"):
        training()
    np.testing.assert_array_equal(client(2), [[1, 2], [3, 4]])


def test_neither_tensorflow_nor_keras_is_imported():
    program = "import sys, zoo.commands.csv_tables; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "zoo.commands.csv_tables" in ended.stdout.split(), ended.stderr
    assert not {"tensorflow", "keras"} & set(ended.stdout.split())
