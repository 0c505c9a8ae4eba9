"""The connection to a server, by REST or gRPC."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from export.client.signature import checked, from_definitions
from export.client.transports.refusals import ServerError

LOOPBACK = ("localhost", "127.0.0.1", "::1")  # names of this machine


class Version(NamedTuple):
    """A version of a model on a server.

    Args:
        number: its number.
        state: "AVAILABLE" if it answers; else START, LOADING, UNLOADING or END.
        message: the server's error message, if any.
    """

    number: int
    state: str
    message: str = ""


class Transport(ABC):
    """A connection to a TensorFlow Serving server; a context manager.

    Args:
        address: host and port.
        timeout: maximum number of seconds to wait for an answer.
        retries: number of retries if the server cannot be reached, is busy or takes too long.
        backoff: seconds to wait before the second retry; they double each time.
    """

    def __init__(self, address, *, timeout=60.0, retries=4, backoff=0.25):
        self.address = address
        self.timeout = timeout
        self.retries = retries
        self.backoff = backoff
        self._known = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def status(self, model):
        """Returns the versions of a model on the server.

        Args:
            model: name of the model.

        Returns:
            A list of `Version`, the newest first.

        Raises:
            ServerError: the server does not answer, or has no such model.
        """
        return sorted(self._status(model), reverse=True)

    def signatures(self, model, version=None):
        """Returns the signatures of a model, which the server is asked for once.

        Args:
            model: name of the model.
            version: its number; None for the newest.

        Returns:
            A dict of `Signature`.

        Raises:
            ServerError: the server does not answer, or has no such model or version.
            ValueError: the model is not one of this zoo's exports.
        """
        if (model, version) not in self._known:
            self._known[model, version] = from_definitions(self._definitions(model, version))
        return self._known[model, version]

    def predict(self, model, signature, inputs, version=None):
        """Returns the outputs of a signature for some rows.

        Args:
            model: name of the model.
            signature: name of one of its signatures.
            inputs: a dict of arrays, the first axis of each counting the rows.
            version: its number; None for the newest.

        Returns:
            A dict of arrays of the signature's types, as many rows; bytes are in arrays of objects.

        Raises:
            ServerError: the server does not answer, or refuses.
            ValueError: there is no such signature, or it does not take such inputs.
        """
        known = self.signatures(model, version)
        if signature not in known:
            raise ValueError(f"{named(model, version)} has no signature '{signature}'. It has: {', '.join(known)}.")
        asked = f"'{signature}' of {named(model, version)}"
        arrays = checked(inputs, known[signature], asked)
        outputs = self._predict(model, version, signature, arrays, known[signature].outputs, asked)
        rows = len(next(iter(arrays.values())))
        for name, output in outputs.items():
            if len(output) != rows:
                raise ServerError(
                    f"Asked {self.address} for {asked}, expected {rows} rows of '{name}', got {len(output)}. "
                    f"Is the model one of this zoo's exports?",
                    "INTERNAL",
                )
        return outputs

    @abstractmethod
    def close(self):
        """Closes the connection."""

    @abstractmethod
    def _status(self, model):
        """Yields a `Version` for each that the server has."""

    @abstractmethod
    def _definitions(self, model, version):
        """Returns the JSON of the map of `SignatureDef`."""

    @abstractmethod
    def _predict(self, model, version, signature, arrays, outputs, asked):
        """Returns the outputs for inputs that were checked."""


def named(model, version):
    """Returns a model in words."""
    return f"model '{model}'" + ("" if version is None else f", version {version}")
