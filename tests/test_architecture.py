"""Import arrows: training → zoo ← export, and zoo imports neither."""

import ast

import pytest

from tests import ROOT

ALLOWED = {"zoo": {"zoo"}, "training": {"zoo", "training"}, "export": {"zoo", "export"}}


def imported(path):
    """The top-level packages that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("package", [name for name in ALLOWED if (ROOT / name).is_dir()])
def test_arrows(package):
    for path in (ROOT / package).rglob("*.py"):
        ours = set(imported(path)) & set(ALLOWED)
        assert ours <= ALLOWED[package], f"{path.relative_to(ROOT)} imports {ours - ALLOWED[package]}"


def test_every_test_file_has_a_name_of_its_own():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))  # pytest collects only one of two


def test_top_level():
    allowed = {"zoo", "training", "export", "tests", "requirements.txt", "Makefile", "README.md"}
    allowed |= {"benchmarks", "docs", "pyproject.toml", "LICENSE", "runs", "served"}
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith((".", "__"))}
    assert there <= allowed


def test_modules_of_the_zoo_import_each_other_by_their_full_names():
    # `zoo` imports its public names when the first one is asked for: from within, that would be a circle.
    for path in (ROOT / "zoo").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            of_zoo = isinstance(node, ast.ImportFrom) and node.module == "zoo"
            assert not of_zoo or path.name == "api.py", f"{path.relative_to(ROOT)} has a `from zoo import`"
