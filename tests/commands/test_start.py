"""How commands start: --help at once, and TensorFlow without the lines that its C++ code logs on any machine."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests import ROOT
from zoo.commands.quiet import LOG_LEVEL, import_tensorflow

# Those that say something of their own after --help.
COMMANDS = {
    "training.train": [["--strategy", "multi_worker"], 1],
    "training.reproduce": [["nope.json"], 1],
    "training.evaluate": [["--run", "nope"], 1],
    "export": [["--run", "nope"], 1],
    "export.serving.start_server": [["--served", "nope"], 1],
    "export.client": [["status", "--grpc", "--address", "localhost:1", "--retries", "0", "--timeout", "1"], 1],
    "zoo": [["tril_vae"], 0],
}
HELP = """
import runpy, sys, time
start = time.process_time()
sys.argv = [sys.argv[1], "--help"]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code
print(time.process_time() - start, *sys.modules, sep="\\n", file=sys.stderr)
"""


def run(*words, **environment):
    """A process of Python with the repository's packages and without the settings of tests."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    variables |= {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run([sys.executable, *words], env=variables, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_comes_without_tensorflow(command):
    done = run("-c", HELP, command)
    assert done.returncode == 0, done.stderr
    seconds, *modules = done.stderr.splitlines()
    assert not {"tensorflow", "keras", "zoo.api"} & {*modules}
    assert float(seconds) < 1  # of the processor, whatever else it does
    assert done.stdout.startswith(f"usage: python -m {command}")


BEYOND = """
import sys, time
import tensorflow
before, start = {*sys.modules}, time.process_time()
import zoo
zoo.VAE
print(time.process_time() - start, *({*sys.modules} - before), sep="\\n")
"""


@pytest.mark.slow
def test_the_zoo_is_imported_soon_after_tensorflow():
    done = run("-c", BEYOND)
    assert done.returncode == 0, done.stderr
    seconds, *modules = done.stdout.splitlines()
    assert "zoo.api" in modules
    assert not {"sklearn.cluster", "sklearn.mixture", "matplotlib"} & {*modules}
    assert float(seconds) < 1  # of the processor; 0.4 on an idle machine


def test_numpy_gets_one_thread_unless_told_otherwise():
    program = (
        "import training.train, os, sys\n"
        "assert 'numpy' not in sys.modules\n"  # which reads the variable when it is imported
        "sys.modules['tensorflow'] = None\n"  # taken for imported
        "from zoo.commands.quiet import import_tensorflow\n"
        "import_tensorflow()\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    assert run("-c", program).stdout == "1\n"
    assert run("-c", program, OPENBLAS_NUM_THREADS="2").stdout == "2\n"


@pytest.mark.slow
def test_garbage_is_collected_again_after_an_import():
    done = run(
        "-c", "import gc, zoo; zoo.VAE; assert gc.isenabled(); gc.disable()\nimport zoo.api; assert not gc.isenabled()"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("training.train", ["--model", "nope"], "No model 'nope'. Known: diag_vae, "),
        ("training.train", ["--data", "nope"], "No data set 'nope'. Known: breast_cancer, digits, "),
        ("zoo", ["tril_vae", "nope"], "No model 'nope'. Known: diag_vae, "),
    ],
)
def test_an_unknown_name_is_refused_without_tensorflow(command, words, message):
    program = HELP.replace('"--help"]', f"*{words!r}]").replace("assert not end.code", "print(end.code)")
    done = run("-c", program, command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"error: {message}")
    assert not {"tensorflow", "keras", "zoo.api"} & {*done.stderr.splitlines()}


@pytest.mark.parametrize("command", [*COMMANDS, *(f"export.client {name}" for name in ("encode", "score", "sample"))])
def test_every_flag_has_a_complete_phrase(command):
    text = run("-m", *command.split(), "--help", COLUMNS="500").stdout
    flags = [line.strip("│ ").rstrip() for line in text.splitlines() if line.startswith("│")]
    said = " ".join(flags)
    for flag in (line.split()[0] for line in flags if line.startswith("--")):
        # What follows the flag and its type begins with a capital letter, and not with a preposition.
        after = said.split(f"{flag} ", 1)[1]
        phrase = next((word for word in after.split() if word[0].isupper() and not word.isupper()), "")
        assert phrase, f"{flag} has no help"
        assert phrase not in ("Of", "As", "Which", "How", "What", "Where"), f"{flag}: {phrase} …"


QUIET = [name if name == "training.train" else pytest.param(name, marks=pytest.mark.slow) for name in COMMANDS]


@pytest.mark.parametrize("command", QUIET)
def test_no_line_of_tensorflow_s_is_logged(command):
    words, status = COMMANDS[command]
    done = run("-m", command, *words)
    assert done.returncode == status, done.stderr
    lines = done.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["error"] * status, done.stderr


def test_the_home_of_what_commands_share_is_free_of_tensorflow():
    modules = [path.stem for path in (ROOT / "zoo" / "commands").glob("*.py") if path.stem != "__init__"]
    assert len(modules) >= 5
    imports = "\n".join(f"import zoo.commands.{name}" for name in modules)
    done = run("-c", f"{imports}\nimport sys\nassert not {{'tensorflow', 'keras', 'zoo.api'}} & {{*sys.modules}}")
    assert done.returncode == 0, done.stderr


FILTERED = """
import os, sys
from zoo.commands.quiet import filter_stderr
filter_stderr()
print("Python's", end="\\r", file=sys.stderr)
os.write(2, b"I0000 00:00:1795435707.026670 20660 port.cc:153] oneDNN custom operations are on.\\n")
os.write(2, b"2026-01-01 10:00:00.000000: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.\\n")
os.write(2, b"E0000 00:00:1795435707.026670 20660 cuda.cc:1] failed call to cuInit: INTERNAL: CUDA error: ")
os.write(2, b"Failed call to cuInit: UNKNOWN ERROR (303)\\n")
os.write(2, b"E0000 00:00:1795435707.026670 20660 cuda.cc:1] failed call to cuInit: driver mismatch\\nF0000 it ends")
"""
KEPT = ("E0000 00:00:1795435707.026670 20660 cuda.cc:1] failed call to cuInit: driver mismatch\n", "F0000 it ends")


@pytest.mark.parametrize(("end", "status"), [("", 0), ("os.abort()", -signal.SIGABRT), ("1 / 0", 1)])
def test_errors_come_through_the_filter_also_in_a_crash(end, status):
    done = run("-c", FILTERED + end)
    assert done.returncode == status
    assert all(line in done.stderr for line in KEPT)  # between those of a traceback, perhaps
    assert done.stderr.startswith("Python's")
    assert "oneDNN" not in done.stderr
    assert "303" not in done.stderr
    assert ("ZeroDivisionError" in done.stderr) == (status == 1)


def test_the_filter_works_without_stderr():
    script = f"import os\nos.close(2)\nimport sys\nsys.stderr = None\n{FILTERED.split('print(')[0]}print('done')"
    assert run("-c", script).stdout == "done\n"


def test_the_filter_ends_with_the_process():
    start = time.monotonic()
    assert run("-c", FILTERED).returncode == 0  # which reads stderr until all who could write to it have ended
    assert time.monotonic() - start < 20


def test_a_crash_while_tensorflow_is_imported_is_not_silent(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'F0000 compiled to use AVX instructions\\n')\nos.abort()\n"
    )
    done = run("-m", "zoo", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert done.returncode == -signal.SIGABRT
    assert done.stderr == "F0000 compiled to use AVX instructions\n"


@pytest.mark.parametrize(("own", "level"), [("0", "0"), (None, "2")])
def test_a_level_that_the_user_sets_is_kept(monkeypatch, own, level):
    monkeypatch.setenv(LOG_LEVEL, own or "")
    if own is None:
        monkeypatch.delenv(LOG_LEVEL)
    import_tensorflow()  # which is imported
    assert os.environ[LOG_LEVEL] == level
