"""All that a training needs to go on exactly where it was: written so that any instant may be the last."""

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
    """Where a training is, in plain numbers.

    Args:
        step: how many steps were taken, in all epochs.
        sums: of the epoch that was begun, see `zoo.model.train_step.Sums`.
        history: a dict for each epoch that is over.
        best: the least validation loss after the warm-up, and
        best_epoch: the epoch of it, counted from 1; None while there is none.
        seconds: how long it took.
    """

    FIELDS = ("step", "sums", "history", "best", "best_epoch", "seconds")

    def __init__(self):
        self.step, self.sums, self.history = 0, None, []
        self.best = self.best_epoch = None
        self.seconds = 0.0

    def add(self, steps, sums, seconds):
        """Notes steps of the epoch, what they measured (array), and how long they took."""
        before = np.zeros(len(sums)) if self.sums is None else self.sums
        self.step, self.sums, self.seconds = self.step + steps, (before + sums).tolist(), self.seconds + seconds

    def end_epoch(self, row, seconds):
        """Notes what the epoch came to (a dict of numbers), and how long that took to find out."""
        self.history, self.sums, self.seconds = [*self.history, row], None, self.seconds + seconds

    def is_best(self, loss):
        """Notes the validation loss of the epoch that has ended, and says whether it is the least so far."""
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
    """The last few checkpoints of a run, in a folder of their own, written by TensorFlow's checkpoint manager.

    In each: the weights (with what the model keeps count of, so its draws, and the annealing), the optimizer's, the
    best weights so far, and the `Position`; the order of the data and all draws are functions of the seed and of these.

    Args:
        folder: the run's.
        vae: a compiled `zoo.VAE`.
        best: list of variables, the best weights so far.
        position: a `Position`.
        steps, minutes: how often they are due, whichever is sooner.
        kept: how many are kept.
        writes: whether this process writes them, which only one of several workers does.
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
        """Goes back to the newest checkpoint that can be read; does nothing where there is none at all.

        Raises:
            ValueError: there are some, and none can be read.
        """
        found = self._found()
        for step in reversed(found):
            try:
                self._checkpoint.restore(str(self._path(step))).assert_consumed()
                break
            except (tf.errors.OpError, ValueError, AssertionError, KeyError, IndexError) as error:
                tqdm.write(f"checkpoint '{self._path(step)}' cannot be read ({reason(error)}); trying the one before")
        else:
            if found:
                raise ValueError(
                    f"None of the checkpoints in '{self.folder}' can be read. Start anew with --overwrite."
                )
        self._saved_step = self.position.step
        if self.writes:
            self._clean([step for step in found if step <= self.position.step])
            self._manager = tf.train.CheckpointManager(
                self._checkpoint, str(self.folder), max_to_keep=self._kept, checkpoint_name=NAME
            )

    def due(self):
        """Whether it is time for one."""
        often = self.position.step - self._saved_step >= self.steps
        return often or time.monotonic() - self._saved_time >= self.seconds

    def save(self):
        """Writes one, if this process is to.

        Raises:
            OSError: it cannot be written, as on a full disk; those before are as they were.
        """
        self._saved_step, self._saved_time = self.position.step, time.monotonic()
        if not self.writes:
            return
        try:
            self._manager.save(checkpoint_number=self.position.step)
        except (tf.errors.OpError, OSError) as error:
            good = [step for step in self._found() if step < self.position.step]
            self._clean(good)
            kept = f"the last good one, of step {good[-1]}, is kept" if good else "there is none before it"
            raise OSError(
                f"The checkpoint of step {self.position.step} could not be written in '{self.folder}' "
                f"({reason(error)}); {kept}. Make room, and give the same command again."
            ) from error

    def save_last(self):
        """Writes one of where the training is, unless it is there.

        Raises:
            OSError: see `save`.
        """
        if self.position.step != self._saved_step:
            self.save()

    def remove(self):
        """Removes them all, when they are not needed any more."""
        if self.writes:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, step):
        return self.folder / f"{NAME}-{step}"

    def _found(self):
        """The steps of those that are there, whatever TensorFlow's list of them says, which may be damaged."""
        names = (re.fullmatch(rf"{NAME}-(\d+)\.index", path.name) for path in self.folder.glob("*.index"))
        return sorted(int(name[1]) for name in names if name)

    def _clean(self, steps):
        """Removes what a process that was killed has left of others than these."""
        whole = {f"{NAME}-{step}" for step in steps}
        for path in self.folder.glob(f"{NAME}-*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name.split(".")[0] not in whole:
                path.unlink(missing_ok=True)
