"""The package that pip installs: what it requires, what it contains, and that it works outside of the repository."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement

from tests import ROOT
from zoo.commands.vae_zoo import COMMANDS, main
from zoo.commands.version import VERSION

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("zoo", "training", "export")
AROUND_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
from zoo.commands.vae_zoo import main
try:
    main({words!r})
finally:
    print(*sys.modules)
"""
GENERATE = """
import zoo
print(zoo.__file__)
print(zoo.build("diag_vae", (4,), "real", latent=2, network="mlp(hidden=(4,))").generate(3).shape)
"""


def requirements(lines):
    """Name of the package -> its requirement, of lines in the form of pip's."""
    found = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {re.sub(r"[-_.]+", "-", requirement.name).lower(): requirement for requirement in found}


def pinned():
    """Name of the package -> its pinned version in requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {name: next(iter(each.specifier)).version for name, each in requirements(lines).items()}


@pytest.mark.parametrize("extra", [None, *PROJECT["optional-dependencies"]])
def test_what_is_pinned_is_what_the_package_asks_for(extra):
    lines = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    versions = pinned()
    for name, requirement in requirements(lines).items():
        assert requirement.specifier.contains(versions[name]), f"{requirement} is not {versions[name]}"


def test_the_package_asks_for_all_that_is_pinned():
    asked = set(requirements(PROJECT["dependencies"])) | set(requirements(PROJECT["optional-dependencies"]["dev"]))
    assert asked == set(pinned())


def test_the_build_needs_the_setuptools_that_is_pinned():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (needed,) = requirements(tomllib.loads(text)["build-system"]["requires"]).values()
    assert needed.specifier.contains(pinned()["setuptools"])


def test_commands_are_listed_and_unknown_ones_refused(capsys):
    main(["--help"])
    listed = capsys.readouterr().out
    main([])
    assert capsys.readouterr().out == listed
    assert all(f"  {name} " in listed for name in COMMANDS)
    main(["--version"])
    assert capsys.readouterr().out == f"vae-zoo {VERSION}\n"
    with pytest.raises(SystemExit, match=r"^error: No command 'trian'. Known: train, "):
        main(["trian"])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_how_the_command_was_called(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert not end.value.code
    assert capsys.readouterr().out.startswith(f"usage: vae-zoo {command} ")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that a wheel of this repository's files would be installed in."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    source.mkdir()
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source]
    built = subprocess.run(words, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr + built.stdout
    (wheel,) = folder.glob(f"vae_zoo-{VERSION}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def run_installed(installed, folder, program, **environment):
    """Runs a program of Python with the installed package, in another folder."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    variables |= {"PYTHONPATH": str(installed)} | environment
    words = [sys.executable, "-c", program]
    return subprocess.run(words, env=variables, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_the_wheel_has_every_file_of_its_packages(installed):
    expected = {
        str(path.relative_to(ROOT))
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    found = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert {name for name in found if ".dist-info" not in name} == expected


@pytest.mark.slow
def test_the_installed_package_works_anywhere(installed, tmp_path):
    done = run_installed(installed, tmp_path, GENERATE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(installed / "zoo" / "__init__.py"), "(3, 4)"]


@pytest.mark.slow
def test_the_client_needs_its_extra_only(installed, tmp_path):
    """Over REST; the processes of a machine without TensorFlow cannot import it."""
    program = AROUND_TENSORFLOW.format(words=["client", "status", "--retries", "0", "--address", "localhost:1"])
    done = run_installed(installed, tmp_path, program)
    assert done.stderr.startswith("error: "), done.stderr
    assert "localhost:1" in done.stderr
    allowed = {"PIL" if name == "pillow" else name for name in requirements(PROJECT["optional-dependencies"]["client"])}
    direct = {name.replace("-", "_") for name in pinned()} | {"PIL"}
    imported = {name.split(".")[0] for name in done.stdout.split()} - {"tensorflow"}  # which the program sets to None
    assert imported & direct <= allowed
