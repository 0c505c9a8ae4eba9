"""What XLA's programs compute with its own settings, which `conftest` changes to compile faster."""

import sys

import pytest

from tests import ROOT
from tests.shared.processes import done, start

pytestmark = pytest.mark.slow

MARK = "pytest.mark" + ".xla"


def run_marked():
    """Is pytest in a process of its own: XLA reads its settings once."""
    files = [str(path) for path in sorted((ROOT / "tests").rglob("test_*.py")) if MARK in path.read_text("utf-8")]
    sys.exit(int(pytest.main(["-m", "xla", "--numprocesses=0", "-p", "no:cacheprovider", *files])))


def test_programs_of_xla_with_its_own_settings():
    said = done(start(run_marked, XLA_FLAGS=""), seconds=600)
    assert " passed" in said
