"""Flags of XLA that commands set: known to this TensorFlow, and no others of the user's changed."""

import os
import subprocess
import sys

import pytest

from tests import ROOT
from zoo.commands import xla_flags


@pytest.fixture
def environment(monkeypatch):
    def given(text):
        monkeypatch.setenv(xla_flags.VARIABLE, text)
        xla_flags.set_xla_flags()
        return os.environ[xla_flags.VARIABLE].split()

    return given


def test_all_are_added_to_the_user_s(environment):
    expected = [f"{flag}={value}" for flag, value in xla_flags.FLAGS.items()]
    assert environment("") == expected
    assert environment("--xla_dump_to=/tmp/x") == ["--xla_dump_to=/tmp/x", *expected]


def test_the_user_s_values_stay(environment):
    mine = "--xla_cpu_prefer_vector_width=256"
    assert [flag for flag in environment(mine) if "vector_width" in flag] == [mine]


def test_another_tensorflow_gets_none(environment, monkeypatch):
    monkeypatch.setattr(xla_flags, "version", lambda name: "2.99.0")
    assert environment("") == []


@pytest.mark.slow
def test_this_tensorflow_knows_them():
    code = "import tensorflow as tf; print(tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(1)).numpy())"
    flags = " ".join(f"{flag}={value}" for flag, value in xla_flags.FLAGS.items())
    environment = os.environ | {xla_flags.VARIABLE: flags, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ["2"]), done.stderr
