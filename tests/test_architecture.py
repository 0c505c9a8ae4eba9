"""Import arrows: training → zoo ← export, within the zoo from its models down to distributions, and no cycles."""

import ast
from graphlib import TopologicalSorter
from types import ModuleType

import pytest

from tests import ROOT
from zoo import api

ALLOWED = {"zoo": {"zoo"}, "training": {"zoo", "training"}, "export": {"zoo", "export"}}
ROOMS = [  # of the zoo: each imports from its own row and from those over it
    {"zoo.checks", "zoo.catalog", "zoo.probability", "zoo.commands", "zoo.backend"},
    {"zoo.distributions"},
    {"zoo.layer", "zoo.registry", "zoo.memory", "zoo.data"},
    {"zoo.parameterizations", "zoo.networks"},
    {"zoo.posteriors", "zoo.priors", "zoo.likelihoods", "zoo.objectives"},
    {"zoo.aggregated", "zoo.samplers"},
    {"zoo.model"},
    {"zoo.callbacks", "zoo.description"},
    {"zoo.finetuning"},
    {"zoo.presets"},
    {"zoo.api", "zoo.__main__", "zoo"},
]
MOST = 13  # Python files in a folder
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ALLOWED
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(path):
    """The modules that a file imports when it is imported, and those of ours by their full names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in FILES else node.module


def anywhere(path):
    """The top-level packages that a file imports, within functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def row(module):
    """The row of the zoo's room that a module is in."""
    for i, rooms in enumerate(ROOMS):
        if any(module == room or (module.startswith(f"{room}.") and room != "zoo") for room in rooms):
            return i
    raise AssertionError(f"{module} is in no room: name it in ROOMS")


@pytest.mark.parametrize("package", ALLOWED)
def test_arrows(package):
    for path in (ROOT / package).rglob("*.py"):
        ours = set(anywhere(path)) & set(ALLOWED)
        assert ours <= ALLOWED[package], f"{path.relative_to(ROOT)} imports {ours - ALLOWED[package]}"


@pytest.mark.parametrize("module", [module for module in FILES if module.split(".")[0] == "zoo"])
def test_arrows_within_the_zoo(module):
    for other in imported(FILES[module]):
        if other.split(".")[0] == "zoo" and module != "zoo":
            assert row(other) <= row(module), f"{module} imports {other}, which is built on it"


def test_distributions_know_neither_keras_nor_the_registry():
    for module, path in FILES.items():
        if module.startswith("zoo.distributions"):
            assert not {"keras", "tf_keras"} & set(anywhere(path)), module
            assert not {"zoo.registry", "zoo.layer"} & set(imported(path)), module


def test_no_cycles():
    graph = {module: set(imported(path)) & set(FILES) - {module} for module, path in FILES.items() if module != "zoo"}
    order = TopologicalSorter(graph).static_order()  # raises a CycleError that names the cycle
    assert set(order) >= set(graph)


def test_folders_are_small():
    for folder in {path.parent for path in FILES.values()}:
        files = list(folder.glob("*.py"))
        assert len(files) <= MOST, f"{folder.relative_to(ROOT)} has {len(files)} files: cut it into rooms"


def test_no_module_has_the_public_name_of_something_else():
    """Importing the module would put it in the place of what is public, in a process that has not used that yet."""
    modules = {module for module in FILES if module.count(".") == 1}
    for name in api.__all__:
        assert f"zoo.{name}" not in modules or isinstance(getattr(api, name), ModuleType), name


def test_every_test_file_has_a_name_of_its_own():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))  # pytest collects only one of two


def test_top_level():
    allowed = {"zoo", "training", "export", "tests", "requirements.txt", "Makefile", "README.md"}
    allowed |= {"benchmarks", "docs", "recipes", "pyproject.toml", "LICENSE", "runs", "served", "presets"}
    allowed |= {"CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff"}
    allowed |= {"build", "dist", "vae_zoo.egg-info"}  # of make wheel
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith((".", "__"))}
    assert there <= allowed
