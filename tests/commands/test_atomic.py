"""Files that are written atomically, and signals that are deferred to safe points."""

import os
import signal
from pathlib import Path

import pytest

from zoo.commands.atomic import replacing, write
from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.signals import deferred_signals, raise_if_interrupted


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("old", [None, "old"])
def test_a_file_is_replaced(tmp_path, old, durable):
    path = tmp_path / "file"
    if old:
        path.write_text(old)
    write(path, "néw", durable)
    assert path.read_text(encoding="utf-8") == "néw"
    write(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert list(tmp_path.iterdir()) == [path]


def test_none_of_several_files_takes_its_place_before_all_are_written(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(one, two) as (first, second):  # noqa: PT012
        first.write_text("new")
        assert one.read_text() == "old"
        second.write_text("n")
        raise OSError("the disk is full")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert one.read_text() == "old"
    with replacing(one, two) as (first, second):
        first.write_text("new")
        second.write_text("new too")
    assert (one.read_text(), two.read_text()) == ("new", "new too")


def test_files_of_names_that_are_not_utf_8_are_written(tmp_path):
    bad = os.fsdecode(b"caf\xe9")
    write(tmp_path / "page", f"found in {bad}")
    assert (tmp_path / "page").read_text(encoding="utf-8") == r"found in caf\udce9"


def test_writes_at_the_same_time_do_not_share_a_file(tmp_path):
    with replacing(tmp_path / "file") as (one,), replacing(tmp_path / "file") as (other,):
        assert one != other
        for partial in (one, other):
            partial.write_text(str(partial))
    assert Path(tmp_path / "file").read_text() == str(one)  # the last one to end


@pytest.mark.parametrize(
    ("number", "status", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_waits_for_a_safe_point(capsys, number, status, said):
    before = signal.getsignal(number)
    done = []
    with pytest.raises(SystemExit) as end, ended_by_a_sentence("nothing was published"), deferred_signals():  # noqa: PT012
        raise_if_interrupted()
        os.kill(os.getpid(), number)
        done.append("what was begun")
        raise_if_interrupted()
        done.append("more")
    assert end.value.code == status
    assert done == ["what was begun"]
    assert capsys.readouterr().err == f"\n{said}; nothing was published\n"
    assert signal.getsignal(number) == before
    raise_if_interrupted()  # forgotten


def test_a_second_signal_does_not_wait():
    with deferred_signals() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.signal == signal.SIGTERM
        assert interruption.status == 0
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
