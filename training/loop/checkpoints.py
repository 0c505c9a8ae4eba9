"""Checkpoints: all that exact resumption of a training needs, written so that it may be killed at any time."""

import json
import math
import re
import shutil
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from training.run_folder import CHECKPOINTS
from zoo.commands.messages import reason

NAME = "step"


class Position(tf.train.experimental.PythonState):
    """How far a training is, in plain numbers.

    Attributes:
        step: number of steps taken, in all epochs.
        sums: of the current epoch, see `zoo.model.training.train_step.Sums`; None before its first step.
        history: a dict for each finished epoch.
        best: the lowest validation loss after the warm-up; None before there is one.
        best_epoch: its epoch, counted from 1.
        seconds: duration so far.
    """

    FIELDS = ("step", "sums", "history", "best", "best_epoch", "seconds")

    def __init__(self):
        self.step, self.sums, self.history = 0, None, []
        self.best = self.best_epoch = None
        self.seconds = 0.0

    def add(self, steps, sums, seconds):
        """Adds steps of the current epoch.

        Args:
            steps: how many.
            sums: what they measured, `Sums` as an array [5].
            seconds: their duration.
        """
        before = np.zeros(len(sums)) if self.sums is None else self.sums
        self.step, self.sums, self.seconds = self.step + steps, (before + sums).tolist(), self.seconds + seconds

    def end_epoch(self, row, seconds):
        """Finishes the current epoch.

        Args:
            row: its results, by name.
            seconds: duration of validation.
        """
        self.history, self.sums, self.seconds = [*self.history, row], None, self.seconds + seconds

    def is_best(self, loss):
        """Returns whether the validation loss of the last epoch is the lowest so far, and records it if so.

        Args:
            loss: in nats per example.
        """
        if not math.isfinite(loss) or (self.best is not None and loss >= self.best):
            return False
        self.best, self.best_epoch = loss, len(self.history)
        return True

    def serialize(self):
        return json.dumps({name: getattr(self, name) for name in self.FIELDS})

    def deserialize(self, text):
        for name, value in json.loads(text).items():
            setattr(self, name, value)


class Checkpoints:
    """The last checkpoints of a run, in a folder of their own, written by TensorFlow's checkpoint manager.

    Each has the weights (with the seed counter and the annealing), the optimizer's variables, the best weights so far,
    and the `Position`; the order of the data and all random numbers are functions of the seed and of these.

    Args:
        folder: of the run.
        vae: a compiled `zoo.VAE`.
        best: list of variables, the best weights so far.
        position: a `Position`.
        steps: save every this many steps,
        minutes: or every this many minutes, whichever comes first.
        kept: number of checkpoints to keep.
        writes: whether this process writes them, as one of several workers does.
    """

    def __init__(self, folder, vae, best, position, steps, minutes, kept, writes=True):
        self.folder, self.position, self.writes = Path(folder) / CHECKPOINTS, position, writes
        self.steps, self.seconds = steps, 60 * minutes
        self._checkpoint = tf.train.Checkpoint(
            weights=[weight.value for weight in vae.weights],
            optimizer=[variable.value for variable in vae.optimizer.variables],
            guard=vae.guard.state,
            best=best,
            position=position,
        )
        self._kept = kept
        self._saved_step, self._saved_time = 0, time.monotonic()

    def restore(self):
        """Restores the newest checkpoint that can be read, if there are any.

        A training that was killed while it wrote its first one starts from the beginning.

        Raises:
            ValueError: there are some, and none can be read.
        """
        found = self._saved_steps()
        for step in reversed(found):
            try:
                self._checkpoint.restore(str(self._path(step))).assert_consumed()
                break
            except (tf.errors.OpError, ValueError, AssertionError, KeyError, IndexError) as error:
                tqdm.write(f"checkpoint '{self._path(step)}' cannot be read ({reason(error)}); trying the one before")
        else:
            if found and self._was_completed():
                raise ValueError(
                    f"None of the checkpoints in '{self.folder}' can be read. Start again with --overwrite."
                )
            if found:
                tqdm.write("the first checkpoint was never completed: starting from the beginning")
        self._saved_step = self.position.step
        if self.writes:
            self._remove_others([step for step in found if step <= self.position.step])
            self._manager = tf.train.CheckpointManager(
                self._checkpoint, str(self.folder), max_to_keep=self._kept, checkpoint_name=NAME
            )

    def is_due(self):
        """Returns whether it is time to save one."""
        enough = self.position.step - self._saved_step >= self.steps
        return enough or time.monotonic() - self._saved_time >= self.seconds

    def save(self):
        """Saves a checkpoint, if this process writes them.

        Raises:
            OSError: it cannot be written, for example to a full disk; earlier ones are kept.
        """
        self._saved_step, self._saved_time = self.position.step, time.monotonic()
        if not self.writes:
            return
        try:
            self._manager.save(checkpoint_number=self.position.step)
        except (tf.errors.OpError, OSError) as error:
            good = [step for step in self._saved_steps() if step < self.position.step]
            self._remove_others(good)
            kept = f"the last good one, of step {good[-1]}, is kept" if good else "there is none before it"
            raise OSError(
                f"The checkpoint of step {self.position.step} could not be written in '{self.folder}' "
                f"({reason(error)}); {kept}. Free some space, and run the same command again."
            ) from error

    def save_last(self):
        """Saves a checkpoint of the current step, unless there is one.

        Raises:
            OSError: see `save`.
        """
        if self.position.step != self._saved_step:
            self.save()

    def remove(self):
        """Removes all checkpoints."""
        if self.writes:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, step):
        return self.folder / f"{NAME}-{step}"

    def _saved_steps(self):
        """Returns the steps of the checkpoints in the folder; TensorFlow's own list of them may be damaged."""
        names = (re.fullmatch(rf"{NAME}-(\d+)\.index", path.name) for path in self.folder.glob("*.index"))
        return sorted(int(name[1]) for name in names if name)

    def _was_completed(self):
        """Returns whether any checkpoint was: TensorFlow writes its list of them after each one."""
        return (self.folder / "checkpoint").exists()

    def _remove_others(self, steps):
        """Removes files of other checkpoints than these, which a killed process may have left incomplete."""
        names = {f"{NAME}-{step}" for step in steps}
        for path in self.folder.glob(f"{NAME}-*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name.split(".")[0] not in names:
                path.unlink(missing_ok=True)
