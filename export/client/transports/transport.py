"""The way to a server, whatever it is made of."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from export.client.signature import checked, from_definitions
from export.errors import ServerError

LOOPBACK = ("localhost", "127.0.0.1", "::1")  # names of this machine


class Version(NamedTuple):
    """A version of a model, as a server has it.

    Args:
        number: the version.
        state: "AVAILABLE" where it answers; else START, LOADING, UNLOADING or END.
        message: what went wrong, if anything.
    """

    number: int
    state: str
    message: str = ""


class Transport(ABC):
    """A connection to a server of TensorFlow Serving; a context manager.

    Args:
        address: host and port.
        timeout: seconds that an answer may take.
        retries: how often to ask again where it may help: the server cannot be reached, is busy or takes too long.
        backoff: seconds to wait before a second one of these, doubled each time.
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
        """The versions of a model that the server has.

        Args:
            model: its name.

        Returns:
            A list of `Version`, the newest first.

        Raises:
            ServerError: the server does not answer, or has no such model.
        """
        return sorted(self._status(model), reverse=True)

    def signatures(self, model, version=None):
        """What a model can be asked for. The server is asked once, then it is remembered.

        Args:
            model: its name.
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
        """What a model makes of some rows.

        Args:
            model: its name.
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
        """Ends the connection."""

    @abstractmethod
    def _status(self, model):
        """Yields a `Version` for each that the server has."""

    @abstractmethod
    def _definitions(self, model, version):
        """The JSON of the map of `SignatureDef`."""

    @abstractmethod
    def _predict(self, model, version, signature, arrays, outputs, asked):
        """The outputs for inputs that have been checked."""


def named(model, version):
    """A model in words."""
    return f"model '{model}'" + ("" if version is None else f", version {version}")
