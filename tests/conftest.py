"""What all tests share: a quiet TensorFlow and a fresh Keras state."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# XLA cuts what it compiles into 32 parts for 32 threads, which costs more than it saves where two processes compile.
# Most of its time makes programs fast that run a few times here. What is marked `xla` runs with its own settings, too.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_parallel_codegen_split_count=1 --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false",
)
# Threads of OpenBLAS and OpenMP wait for each other longer than they work on matrices as small as those of tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import keras
import pytest


def pytest_collection_finish():
    """Leaves what was imported out of garbage collection, and collects the rest less often: models are many objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


@pytest.fixture(autouse=True)
def _float32_policy():
    yield
    keras.config.set_dtype_policy("float32")
