"""The runs of the cases and their accounts, which are kept in files."""

import json
from dataclasses import replace

import keras
import numpy as np

from benchmarks.finetuning.cases import CASES, SCRATCH
from training import finetune, run
from training.finetuning import scratch
from training.finetuning.account import FILE


def account(settings, name, seed):
    """Returns the account of a case with a seed.

    Args:
        settings: `benchmarks.finetuning.__main__.Settings`.
        name: of the case.
        seed: its seed.

    Raises:
        FileNotFoundError: it was not run.
    """
    return json.loads((folder(settings, name, seed) / FILE).read_text(encoding="utf-8"))


def folder(settings, name, seed):
    """Returns the folder of the run of a case with a seed. Takes the arguments of `account`."""
    return settings.out / f"{name}-{seed}"


def run_case(settings, name, seed):
    """Runs a case with a seed, unless it was run before. Takes the arguments of `account`."""
    out, case = folder(settings, name, seed), CASES[name]
    if (out / FILE).is_file():
        return
    keras.utils.clear_session()
    x, test = case.examples(case.number, seed, settings.data_dir)
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = [settings.out / f"{name}-{seed}-{part}.npy" for part in ("examples", "test")]
    for path, part in zip(paths, (x, test), strict=True):
        np.save(path, part)
    command = finetune.FinetuneCommand(
        base=case.base if settings.bases is None else str(settings.bases / case.base),
        data=str(paths[0]),
        test_data=str(paths[1]),
        validation_fraction=0.2,
        data_dir=settings.data_dir,
        binarize="dynamic",
        seed=seed,
        samples=settings.samples,
        generated=0,
        out=str(out),
    )

    def from_scratch(resolved):
        if case.beside == SCRATCH:
            run.train_and_evaluate(scratch.config(resolved))

    run.train_and_evaluate(finetune.settled(replace(command, **case.options)), between=from_scratch)
