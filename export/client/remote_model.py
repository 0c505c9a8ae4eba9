"""One version of a model on a server, for any number of rows."""

import re

import numpy as np
from tqdm import tqdm

from export.client.transports.refusals import ServerError
from export.client.transports.transport import named

# The messages of a server about too large a batch, and of a model about too many rows.
LIMIT = re.compile(r"(?:larger than maximum input batch size|Expected at most) (\d+)\b")
FIND = " Find which one with --batch 1."


class RemoteModel:
    """A model on a server. Its version is resolved once, so that all rows are of the same.

    Args:
        transport: a `Transport`.
        model: the model's name.
        version: its number; None for the newest available one.
        batch: maximum number of rows in a request.

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
        """Returns one of the model's signatures.

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

    def refined(self, name):
        """Returns the name of the variant of a signature for the refined q(z|x).

        Args:
            name: name of the signature, such as "score".

        Raises:
            ValueError: the model does not have it.
        """
        if f"{name}_refined" not in self.signatures:
            advice = "Export it with --refine-steps 100, or leave out --refined."
            raise ValueError(f"The {self} has no signature '{name}_refined'. {advice}")
        return f"{name}_refined"

    def predict(self, name, examples, seed=None, keep=None):
        """Returns the outputs of a signature for examples, sent in batches.

        Args:
            name: name of the signature.
            examples: object with a length, `inputs(start, stop)`, a dict of arrays, and `place(start, stop)`, in words.
            seed: random seed, for signatures that have one; samples depend on it and on the row number alone.
            keep: names of the outputs to keep; None for all.

        Returns:
            A dict of arrays with a row per example.

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
        """Returns the outputs; None if the server takes fewer rows at once, which `batch` is set to."""
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
    """Returns the seeds of some rows, [seed, row number].

    Args:
        seed: integer, the same for all.
        start: first row, from 0.
        stop: row after the last.

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
