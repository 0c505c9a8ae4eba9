"""The benchmark beside other libraries: its arithmetic, its tables, and our own worker; no other library is needed."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.peers import growth, past_one_machine, rounds, rows, table
from benchmarks.peers.contestant import Contestant, ContestantFailed, Running
from benchmarks.peers.goals import Goal, floor, outcome
from benchmarks.peers.workers.task import Task, batches, images
from tests import ROOT

MEASURED = {
    "zoo": {"seconds": [2.0, 4.0, 6.0], "peak_bytes": 300 * 2**20, "imported_bytes": 100 * 2**20, "versions": {}},
    "torch fused": {"seconds": [1.0, 4.0, 2.0], "peak_bytes": 200 * 2**20, "imported_bytes": 0, "versions": {}},
    "torch eager": {"seconds": [9.0, 9.0, 9.0], "peak_bytes": 100 * 2**20, "imported_bytes": 0, "versions": {}},
}
RATIO = Goal("step, ours ÷ torch", "zoo", ("torch eager", "torch fused", "torch compiled"), most=1.5)
ROW = rows.Row("diag", "train diag", "step", (), (RATIO,))


def test_ratios_are_taken_within_a_round_and_beside_the_fastest_form():
    found = outcome(RATIO, MEASURED)
    assert found.fastest == "torch fused"
    assert found.value == 2.0  # of 2, 1 and 3
    assert (found.low, found.high) == (1.5, 2.5)
    assert not RATIO.is_reached(found.value)


@pytest.mark.parametrize(
    ("kind", "expected"), [("rate", 0.5), ("difference", 1.0), ("memory", 1.5)], ids=("rate", "difference", "memory")
)
def test_other_comparisons(kind, expected):
    assert outcome(Goal("", "zoo", ("torch fused",), most=1.0, kind=kind), MEASURED).value == expected


def test_floors():
    without = Goal("", "zoo", ("torch fused",), most=1.0)
    assert floor(without, MEASURED) is None
    assert floor(replace(without, floor=("torch eager",)), MEASURED) == 4.5
    assert floor(replace(without, floor=("torch eager", "zoo")), MEASURED) == 2.25  # of 4.5, 2.25 and 1.5
    assert floor(replace(without, floor=("absent",)), MEASURED) is None
    assert floor(replace(without, kind="difference", floor=("torch fused",)), MEASURED) == 2.0
    memory = replace(without, kind="memory")
    assert floor(memory, MEASURED) == 0.5
    assert floor(memory, {}) is None


def test_seconds_alone_and_what_is_missing():
    assert outcome(Goal("", "zoo", most=1.0, kind="seconds"), MEASURED).value == 4.0
    assert outcome(Goal("", "zoo", ("jax step",), most=1.0), MEASURED) is None
    assert Goal("", "zoo", least=8.0, kind="rate").is_reached(8.5)


def test_slow_forms_are_dropped_beside_forms_of_the_same_library_only():
    answers = {
        name: [{"seconds": s}] for name, s in (("zoo", 9.0), ("torch eager", 2.0), ("torch fused", 1.0), ("floor", 0.1))
    }
    assert [name for name in answers if rounds.is_slow(name, answers)] == ["torch eager"]


def test_table_says_what_is_reached():
    text = table.goals_table([ROW], {"diag": {"contestants": MEASURED}})
    line = "| step, ours ÷ torch (torch fused) | 2.00 (1.50 to 2.50) | ≤ 1.5 | **not reached** | "
    assert f"{line} |  |" in text
    held = rows.Row("diag", "train diag", "step", (), (replace(RATIO, floor=("torch eager",), held_by="products"),))
    text = table.goals_table([held], {"diag": {"contestants": MEASURED}})
    assert f"{line}4.50 | products |" in text  # of 9, 2.25 and 4.5
    easy = replace(RATIO, floor=("zoo", "torch eager"), held_by="products", rest="sums")
    assert table.reason(easy, MEASURED) == "0.44 | sums"  # of 2/9, 4/9 and 6/9
    assert table.reason(replace(easy, rest=""), MEASURED) == "0.44 | products"
    assert "| not measured |" in table.goals_table([ROW], {"diag": {"contestants": {}}})
    times = table.times_table([ROW], {"diag": {"contestants": MEASURED}})
    assert "| train diag | zoo | 4.00 s (3.00 to 5.00) per step | 300 MiB | 100 MiB |" in times


def test_waits_of_fit_are_the_longest():
    assert table.waits({"rounds": [{"waits": [0.1, 0.3]}, {"waits": [0.2, 0.0]}]}).startswith(
        "; a call waits up to 0.20 s"
    )
    assert table.waits(MEASURED["zoo"]) == ""


def test_text_replaces_what_is_between_marks():
    start, end = (mark.format(name="goals", command="benchmarks.peers") for mark in table.MARKS)
    page = f"before\n{start}\nold\n{end}\nafter\n"
    assert table.between_marks(page, "goals", "new") == f"before\n{start}\nnew\n{end}\nafter\n"
    with pytest.raises(ValueError, match="Add them"):
        table.between_marks(page, "times", "new")


def test_the_page_has_all_marks():
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    for name in ("goals", "times", "machine", "growth", "past one machine"):
        assert "written anew" in table.between_marks(page, name, "written anew")


def test_rows_name_their_contestants_and_tasks():
    assert len({row.name for row in rows.ROWS}) == len(rows.ROWS)
    for row in rows.ROWS:
        names = [contestant.name for contestant in row.contestants]
        assert len(set(names)) == len(names)
        for goal in row.goals:
            assert {goal.of, *goal.beside, *goal.floor} <= set(names), (row.name, goal.label)
            assert (goal.most is None) != (goal.least is None)
        for contestant in row.contestants:
            json.dumps(contestant.settings)
            assert (ROOT / f"benchmarks/peers/workers/{contestant.worker}.py").is_file()
    with pytest.raises(KeyError, match="Known: diag, tril"):
        rows.row("trill")


def test_data_are_the_same_in_every_worker():
    assert np.array_equal(images(5, 784), images(5, 784))
    task = Task.of({"batch": 4, "steps": 5, "examples": 12, "form": "scan"})
    index = list(batches(task, np.random.default_rng(0)))
    assert len(index) == 5
    assert sorted(np.concatenate(index[:3])) == list(range(12))


def test_parameters_and_operations():
    assert Task(posterior="tril").parameters == 923_244
    assert Task(prior="vamp").parameters == 1_080_464
    one = Task(pixels=4, hidden=3, latent=1, batch=1)  # 4-3-3-2 and 1-3-3-4
    forward = 2 * (12 + 9 + 6 + 3 + 9 + 12)
    assert one.operations == 3 * forward - 2 * 12


def test_growth_and_several_workers():
    square = [{"line": 0, "size": s, "seconds": 1e-3 * s * s, "bytes": 2**30} for s in (8, 16, 32)]
    assert growth.slope(*square[1:], "seconds") == pytest.approx(2)
    assert "| 8 to 32 | 64.0 to 1,024.0 ms | 4.00 |" in growth.slopes_table(square)
    times = {16: 1.0, 64: 2.0, 256: 8.0}
    assert past_one_machine.interpolated(times, 128) == pytest.approx(4.0)
    assert past_one_machine.interpolated(times, 8) == 1.0
    assert past_one_machine.speedup(times, 256, 4, exchange=2.0) == 2.0
    assert past_one_machine.exchanged_bytes(1_000, 2) == 4_000
    devices = past_one_machine.GPU
    computing, moving = past_one_machine.roofline(Task(), devices)
    assert computing == Task().operations / devices.operations
    assert moving > 28 * Task().parameters / devices.bandwidth


@pytest.mark.slow
def test_our_worker_takes_steps():
    tiny = {"work": "train", "hidden": 8, "latent": 2, "pixels": 16, "batch": 10, "examples": 100}
    running = Running(Contestant("zoo", "with_zoo", tiny | {"prior": "vamp", "components": 5}), threads=2)
    answer = running.run()
    running.stop()
    assert answer["seconds"] > 0
    assert answer["peak_bytes"] >= running.ready["imported_bytes"] > 0
    assert "tensorflow" in running.ready["versions"]


@pytest.mark.slow
def test_a_worker_that_fails_says_why():
    with pytest.raises(ContestantFailed, match="KeyError: 'nothing'"):
        Running(Contestant("zoo", "with_commands", {"command": "nothing"}), threads=1)


@pytest.mark.slow
def test_the_command_lists_its_rows():
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert "log-likelihood-vamp" in shown.stdout, shown.stderr
