"""The benchmark of fine-tuning: its lines are differences of each seed."""

import json

import numpy as np

from benchmarks.finetuning.__main__ import COMMAND, PAGE, Settings, line
from benchmarks.finetuning.cases import CASES, SCRATCH
from benchmarks.peers.table import between_marks
from tests import ROOT
from training.finetuning.account import FILE


def test_a_line_has_means_of_differences_over_seeds(tmp_path):
    elbos = {"lora": (-30.0, -32.0), "fashion_1000": (-29.0, -30.0)}
    for name, after in elbos.items():
        for seed, elbo in enumerate(after):
            scores = {"before": {"elbo": -50.0}, "after": {"elbo": elbo, "log_likelihood": elbo + 1}}
            folder = tmp_path / f"{name}-{seed}"
            folder.mkdir()
            (folder / FILE).write_text(json.dumps(scores | {"scratch": {"elbo": -40.0, "log_likelihood": -39.0}}))
    settings = Settings(seeds=(0, 1), out=tmp_path)
    share = np.mean([100 * 20 / 21, 100 * 18 / 20])
    assert line(settings, "lora") == (
        "| lora | −50.00 ± 0.00 | −31.00 ± 1.00 | fashion_1000 | −29.50 ± 0.50 | −1.50 ± 0.50 | −1.50 ± 0.50 | "
        f"{share:.0f} % | – |"
    )
    assert "| from scratch | −40.00 ± 0.00 | 10.50 ± 0.50 | 10.50 ± 0.50 | – | – |" in line(settings, "fashion_1000")


def test_every_case_is_beside_one_with_the_same_examples():
    for case in CASES.values():
        if case.beside != SCRATCH:
            other = CASES[case.beside]
            assert (other.base, other.examples, other.number) == (case.base, case.examples, case.number)


def test_the_page_has_a_place_for_the_table():
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert "new" in between_marks(page, "table", "new", COMMAND)
