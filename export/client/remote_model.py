"""One version of a model on a server, asked for any number of rows."""

import re

import numpy as np
from tqdm import tqdm

from export.client.transports.transport import named
from export.errors import ServerError

# How a server refuses more rows than it batches, and a model more than its export allows.
LIMIT = re.compile(r"(?:larger than maximum input batch size|Expected at most) (\d+)\b")
FIND = " Find which one with --batch 1."


class Served:
    """A model as a server has it. Its version is settled once, so that all rows are of one.

    Args:
        transport: a `Transport`.
        model: its name.
        version: its number; None for the newest that is available.
        batch: how many rows a request has, at most.

    Raises:
        ServerError: the server does not answer, or has no such model.
        ValueError: it does not have this version, or none is available.
    """

    def __init__(self, transport, model, version=None, batch=64):
        self.transport = transport
        self.model = model
        self.version = _available(transport, model, version)
        self.batch = batch
        self.signatures = transport.signatures(model, self.version)

    def __str__(self):
        return named(self.model, self.version)

    def signature(self, name):
        """One of the model's signatures.

        Args:
            name: its name.

        Raises:
            ValueError: it has no such signature.
        """
        if name not in self.signatures:
            raise ValueError(
                f"The {self} has no signature '{name}'. It has: {', '.join(self.signatures)}. "
                f"Name another model with --model, or export it from a run of this zoo."
            )
        return self.signatures[name]

    def predict(self, name, examples, seed=None, keep=None):
        """What the model makes of some examples, sent a few at a time.

        Args:
            name: of the signature.
            examples: what has a length, `inputs(start, stop)`, a dict of arrays, and `place(start, stop)`, in words.
            seed: of the draws, if the signature has some; those of a row depend on it and on the row's number alone.
            keep: names of the outputs to keep; None for all.

        Returns:
            A dict of arrays with a row an example.

        Raises:
            ServerError: the server does not answer, or refuses; the message names the examples.
            ValueError: the model does not take such examples.
        """
        if not len(examples):
            raise ValueError(f"Expected one example or more for '{name}' of {self}, got none.")
        keep = list(self.signature(name).outputs) if keep is None else keep
        parts, start = [], 0
        with tqdm(total=len(examples), desc=name, unit="row", leave=False, delay=1) as progress:
            while start < len(examples):
                stop = min(start + self.batch, len(examples))
                inputs = examples.inputs(start, stop) | ({} if seed is None else {"seed": row_seeds(seed, start, stop)})
                outputs = self._ask(name, inputs, examples.place(start, stop))
                if outputs is not None:
                    parts.append([outputs[key] for key in keep])
                    progress.update(stop - start)
                    start = stop
        return {key: np.concatenate(column) for key, column in zip(keep, zip(*parts, strict=True), strict=True)}

    def _ask(self, name, inputs, place):
        """The outputs; None where the server takes fewer rows at once, which `batch` then is."""
        try:
            return self.transport.predict(self.model, name, inputs, self.version)
        except ServerError as error:
            most = LIMIT.search(str(error))
            if most and int(most[1]) < self.batch:
                self.batch = int(most[1])
                return None
            advice = FIND if error.code == "INVALID_ARGUMENT" and self.batch > 1 else ""
            raise ServerError(f"{place}: {error}{advice}", error.code) from error
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error


def row_seeds(seed, start, stop):
    """The seeds of some rows, [seed, number of the row].

    Args:
        seed: whole number, the same for all.
        start, stop: the rows, from 0.

    Returns:
        int32 [stop - start, 2].
    """
    rows = np.arange(start, stop, dtype=np.int32)
    return np.stack([np.full_like(rows, seed), rows], axis=1)


def _available(transport, model, version):
    versions = transport.status(model)
    there = [found.number for found in versions if found.state == "AVAILABLE"]
    if (there and version is None) or version in there:
        return there[0] if version is None else version
    states = ", ".join(f"{v.number} ({' '.join(filter(None, (v.state, v.message)))})" for v in versions) or "none"
    raise ValueError(
        f"Expected {named(model, version)} to be available at {transport.address}, which has the versions: {states}. "
        f"Name another with --version, or wait until it is loaded."
    )
