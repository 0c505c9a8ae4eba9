"""What can be asked of a server on the command line: each command with its options."""

import math
import os
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tyro

from export.client.files.examples import Arrays, examples_in, signature_for
from export.client.files.images import contact_sheet, decoded, is_image, levels, sheet_of_pairs
from export.client.files.output import Output
from export.client.remote_model import Served
from export.client.scores import summary
from export.client.transports.rest import Rest

LEAST = {"batch": 1, "retries": 0, "count": 1, "seed": 0, "version": 1}
LATENTS = {"prior": "prior", "aggregated": "aggregated posterior"}
PICTURES = 128  # pairs on a sheet, at most


@dataclass(frozen=True, kw_only=True)
class Command:
    """What every command needs to know."""

    model: str = "tril_vae"
    """Name under which the model is served."""
    version: int | None = None
    """Its version; unset, the newest."""
    address: str | None = None
    """Host and port of the server; unset, this machine's port 8501, or 8500 with --grpc."""
    grpc: bool = False
    """Ask by gRPC, not by REST."""
    batch: int = 64
    """Rows in a request, at most."""
    timeout: float = 60.0
    """Seconds that an answer may take."""
    retries: int = 4
    """How often to ask again where the server cannot be reached, is busy or takes too long; by gRPC at most 4."""

    def check(self):
        """Makes sure that the numbers make sense.

        Raises:
            ValueError: one does not.
        """
        for name, least in LEAST.items():
            value = getattr(self, name, None)
            if value is not None and not least <= value < 2**31:
                raise ValueError(f"Expected --{name} to be {least} or more, and under 2³¹, got {value}.")
        if not 0 < self.timeout < math.inf:
            raise ValueError(f"Expected --timeout to be over 0 and finite, got {self.timeout}.")

    def transport(self):
        """The connection to the server."""
        settings = {"timeout": self.timeout, "retries": self.retries}
        if not self.grpc:
            return Rest(self._address(8501), **settings)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from export.client.transports.grpc_transport import Grpc  # takes seconds, for TensorFlow comes with it

        return Grpc(self._address(8500), **settings)

    def _address(self, port):
        address = "localhost" if self.address is None else self.address
        if not address:
            raise ValueError("Expected with --address a host and a port such as localhost:8501, got nothing.")
        return address if ":" in address else f"{address}:{port}"

    def served(self, transport):
        """The model that is asked."""
        return Served(transport, self.model, self.version, self.batch)


@dataclass(frozen=True, kw_only=True)
class Status(Command):
    """Print which versions of the model the server has, and whether they answer."""

    def run(self, transport):
        """Does what the command says."""
        for version in transport.status(self.model):
            print(f"{self.model}  version {version.number}  {version.state}  {version.message}".rstrip())


@dataclass(frozen=True, kw_only=True)
class Metadata(Command):
    """Print what the model can be asked for: its signatures with their inputs and outputs."""

    def run(self, transport):
        """Does what the command says."""
        served = self.served(transport)
        print(f"{served}, at {transport.address}; B rows")
        for name, signature in served.signatures.items():
            print(f"\n{name}")
            for side, tensors in (("takes", signature.inputs), ("gives", signature.outputs)):
                for key, tensor in tensors.items():
                    print(f"  {side}  {key:<16} {tensor}")


@dataclass(frozen=True, kw_only=True)
class WithOutput(Command):
    """A command that writes a file."""

    out: str
    """File to write."""
    overwrite: bool = False
    """Replace it where it is there already."""


@dataclass(frozen=True, kw_only=True)
class WithData(WithOutput):
    """A command that sends examples."""

    data: tyro.conf.Positional[str]
    """A folder of PNG and JPEG images or one of these, or a .csv, .npy or .npz file of numbers."""


@dataclass(frozen=True, kw_only=True)
class Encode(WithData):
    """Write the posteriors' parameters of examples: numbers and vectors to .csv, matrices too to .npz."""

    covariance: bool = False
    """Write the posteriors' covariance matrices too, to a .npz file."""

    def run(self, transport):
        """Does what the command says."""
        output = Output(self.out, (".npz",) if self.covariance else (".csv", ".npz"), self.overwrite)
        served = self.served(transport)
        examples = examples_in(self.data, served, "encode")
        asked = ("encode", "encode_covariance") if self.covariance else ("encode",)
        outputs = {}  # signature -> its outputs; of all, before any is asked for
        for name in asked:
            name = signature_for(name, examples, served)
            outputs[name] = served.signature(name).outputs
        tensors = {key: tensor for some in outputs.values() for key, tensor in some.items()}
        left_out = [key for key, tensor in tensors.items() if output.suffix == ".csv" and len(tensor.shape) > 2]
        keep = led_by("loc", set(tensors) - set(left_out))
        codes = {}
        for name, some in outputs.items():
            codes |= served.predict(name, examples, keep=[key for key in keep if key in some])
        output.write({key: codes[key] for key in keep}, "loc", examples.names)
        print(f"{', '.join(keep)} of {counted(examples)} by {served}: {output.path}")
        if left_out:
            print(f"left out: {', '.join(left_out)}, being matrices, which a .npz file would hold")


@dataclass(frozen=True, kw_only=True)
class Score(WithData):
    """Write the scores of examples; a low log-likelihood marks an unusual one."""

    seed: int = 0
    """Of the draws, with the number of the row."""

    def run(self, transport):
        """Does what the command says."""
        output = Output(self.out, (".csv", ".npz"), self.overwrite)
        served = self.served(transport)
        examples = examples_in(self.data, served, "score")
        name = signature_for("score", examples, served)
        keep = led_by("log_likelihood", served.signature(name).outputs)
        scores = served.predict(name, examples, self.seed, keep)
        output.write(scores, "log_likelihood", examples.names)
        print(f"{counted(examples)} by {served}, nats per example")
        print(summary(scores, examples.names))
        print(f"all scores: {output.path}")


@dataclass(frozen=True, kw_only=True)
class Sample(WithOutput):
    """Draw samples: images to a .png, numbers to .csv or .npy, with their latent codes to .npz."""

    count: int = 64
    """How many."""
    seed: int = 0
    """Of the draws, with the number of the sample."""
    latents: Literal["prior", "aggregated"] = "prior"
    """Where to draw latent codes from: the prior, or where the training data are."""

    def run(self, transport):
        """Does what the command says."""
        output = Output(self.out, (".png", ".csv", ".npy", ".npz"), self.overwrite)
        served = self.served(transport)
        name = f"sample_{self.latents}"
        shape = served.signature(name).outputs["mean"].shape[1:]
        if output.suffix == ".png":
            require_images(shape, served)
        keep = {".npz": ["z", "mean"], ".png": ["z", "mean"]}.get(output.suffix, ["mean"])
        samples = served.predict(name, Arrays({}, self.count), self.seed, keep)
        if output.suffix == ".png":
            output.draw(contact_sheet(pictures(samples, served)))
        else:
            output.write(samples, "mean")
        print(f"{self.count:,} samples of the {LATENTS[self.latents]} of {served}: {output.path}")


@dataclass(frozen=True, kw_only=True)
class Reconstruct(WithData):
    """Write the reconstructions of examples: images with the originals above them to .png, numbers to .csv or .npy."""

    def run(self, transport):
        """Does what the command says."""
        output = Output(self.out, (".png", ".csv", ".npy"), self.overwrite)
        served = self.served(transport)
        examples = examples_in(self.data, served, "reconstruct")
        name = signature_for("reconstruct", examples, served)
        shape = served.signature(name).outputs["mean"].shape[1:]
        if output.suffix == ".png":
            require_images(shape, served)
            first = examples.first(PICTURES)
            output.draw(pairs(first, served.predict(name, first)["mean"]))
            some = f"the first {len(first)} of " if len(first) < len(examples) else ""
        else:
            output.write(served.predict(name, examples), "mean", examples.names)
            some = ""
        print(f"reconstructions of {some}{counted(examples)} by {served}: {output.path}")


def counted(examples):
    """How many examples, in words."""
    return "1 example" if len(examples) == 1 else f"{len(examples):,} examples"


def led_by(first, names):
    """Names in the order of columns: one that matters most, then the others by the alphabet."""
    return sorted(names, key=lambda name: (name != first, name))


def require_images(shape, served):
    """Makes sure that what a model gives are images.

    Args:
        shape: of one row.
        served: the `Served` model.

    Raises:
        ValueError: it is not.
    """
    if not is_image(shape):
        raise ValueError(f"The {served} gives rows of shape {list(shape)}, no images. Write a .csv or .npy file.")


def pictures(samples, served):
    """Samples as pixels, drawn by the server where it does so.

    Args:
        samples: a dict with z [N, L] and mean [N, height, width, channels].
        served: the `Served` model.

    Returns:
        uint8 [N, height, width, channels].
    """
    if "decode_png" not in served.signatures:
        return levels(samples["mean"])
    return decoded(served.predict("decode_png", Arrays({"z": samples["z"]}))["image_bytes"])


def pairs(examples, mean):
    """A picture of examples, each with its reconstruction below it.

    Args:
        examples: see `examples_in`.
        mean: the reconstructions [N, height, width, channels].
    """
    inputs = examples.inputs(0, len(examples))
    if examples.bytes:
        return sheet_of_pairs(decoded(inputs["image_bytes"], mean.shape[1:]), levels(mean))
    both = levels(np.concatenate([inputs["x"], mean]))  # in the same units
    return sheet_of_pairs(both[: len(mean)], both[len(mean) :])
