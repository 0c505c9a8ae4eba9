"""The commands of the client, each with its options."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tyro

from export.client.files.examples import Arrays, examples_in, signature_for
from export.client.files.images import contact_sheet, decoded, is_image, levels, sheet_of_pairs
from export.client.files.output import OutputFile
from export.client.remote_model import RemoteModel
from export.client.scores import summary
from export.client.transports.rest import Rest
from zoo.commands.quiet import import_tensorflow

MINIMUMS = {"batch": 1, "retries": 0, "count": 1, "seed": 0, "version": 1}
SAMPLERS = {"prior": "prior", "aggregated": "aggregated posterior"}
PICTURES = 128  # pairs on a sheet, at most


@dataclass(frozen=True, kw_only=True)
class ClientCommand:
    """The options of every command."""

    model: str = "tril_vae"
    """Name of the served model."""
    version: int | None = None
    """Version of the model; unset, the newest."""
    address: str | None = None
    """Host and port of the server; unset, localhost:8501, or localhost:8500 with --grpc."""
    grpc: bool = False
    """Send requests by gRPC instead of REST."""
    batch: int = 64
    """Maximum number of rows in a request."""
    timeout: float = 60.0
    """Maximum number of seconds to wait for an answer."""
    retries: int = 4
    """Number of retries if the server cannot be reached, is busy or takes too long; gRPC makes 4 at most."""

    def check(self):
        """Checks that the numbers are in range.

        Raises:
            ValueError: one is not.
        """
        for name, minimum in MINIMUMS.items():
            value = getattr(self, name, None)
            if value is not None and not minimum <= value < 2**31:
                raise ValueError(f"Expected --{name} to be {minimum} or more, and under 2³¹, got {value}.")
        if not 0 < self.timeout < math.inf:
            raise ValueError(f"Expected --timeout to be over 0 and finite, got {self.timeout}.")

    def transport(self):
        """Returns the connection to the server."""
        settings = {"timeout": self.timeout, "retries": self.retries}
        if not self.grpc:
            return Rest(self._address(8501), **settings)
        import_tensorflow()  # takes seconds; the messages are part of it
        from export.client.transports.grpc_transport import Grpc

        return Grpc(self._address(8500), **settings)

    def _address(self, port):
        address = "localhost" if self.address is None else self.address
        if not address:
            raise ValueError("Expected --address to be a host and a port such as localhost:8501, got nothing.")
        return address if ":" in address else f"{address}:{port}"

    def served(self, transport):
        """Returns the model on the server."""
        return RemoteModel(transport, self.model, self.version, self.batch)


@dataclass(frozen=True, kw_only=True)
class Status(ClientCommand):
    """Print the versions of the model on the server and their states."""

    def run(self, transport):
        """Runs the command."""
        for version in transport.status(self.model):
            print(f"{self.model}  version {version.number}  {version.state}  {version.message}".rstrip())


@dataclass(frozen=True, kw_only=True)
class Metadata(ClientCommand):
    """Print the signatures of the model with their inputs and outputs."""

    def run(self, transport):
        """Runs the command."""
        served = self.served(transport)
        print(f"{served}, at {transport.address}; B rows")
        for name, signature in served.signatures.items():
            print(f"\n{name}")
            for side, tensors in (("takes", signature.inputs), ("returns", signature.outputs)):
                for key, tensor in tensors.items():
                    print(f"  {side:<7}  {key:<16} {tensor}")


@dataclass(frozen=True, kw_only=True)
class WithOutput(ClientCommand):
    """A command that writes a file."""

    out: str
    """Path of the file to write."""
    overwrite: bool = False
    """Replace the file if it exists."""


@dataclass(frozen=True, kw_only=True)
class WithData(WithOutput):
    """A command that sends examples."""

    data: tyro.conf.Positional[str]
    """Path of the examples: a folder of PNG and JPEG images, an image, or a .csv, .npy or .npz file of numbers."""


@dataclass(frozen=True, kw_only=True)
class Encode(WithData):
    """Write the parameters of q(z|x) of examples: scalars and vectors to .csv, matrices too to .npz."""

    covariance: bool = False
    """Write the covariance matrices of q(z|x), too, to a .npz file."""
    refined: bool = False
    """Write the refined q(z|x) of each example, if the model was exported with --refine-steps."""
    seed: int = 0
    """Random seed of the refinement, together with the row number."""

    def check(self):
        super().check()
        if self.refined and self.covariance:
            raise ValueError("Expected one of --refined and --covariance, got both: covariances are the encoder's.")

    def run(self, transport):
        """Runs the command."""
        output = OutputFile(self.out, (".npz",) if self.covariance else (".csv", ".npz"), self.overwrite)
        served = self.served(transport)
        asked = [served.refined("encode") if self.refined else "encode"]
        asked += ["encode_covariance"] if self.covariance else []
        examples = examples_in(self.data, served, asked[0])
        names = [signature_for(name, examples, served) for name in asked]
        keep, left_out = columns(served, names, output.suffix)  # of all signatures, before any request
        codes = {}
        for name in names:
            outputs = served.signature(name).outputs
            seed = self.seed if self.refined else None
            codes |= served.predict(name, examples, seed, [key for key in keep if key in outputs])
        output.write({key: codes[key] for key in keep}, "loc", examples.names)
        print(f"{', '.join(keep)} of {counted(examples)} by {served}: {output.path}")
        if left_out:
            print(f"left out: {', '.join(left_out)}, which are matrices: write a .npz file")


@dataclass(frozen=True, kw_only=True)
class Score(WithData):
    """Write the scores of examples; a low log-likelihood marks an anomaly."""

    seed: int = 0
    """Random seed of the importance samples, together with the row number."""
    refined: bool = False
    """Score by the refined q(z|x) of each example, if the model was exported with --refine-steps."""

    def run(self, transport):
        """Runs the command."""
        output = OutputFile(self.out, (".csv", ".npz"), self.overwrite)
        served = self.served(transport)
        asked = served.refined("score") if self.refined else "score"
        examples = examples_in(self.data, served, asked)
        name = signature_for(asked, examples, served)
        keep = led_by("log_likelihood", served.signature(name).outputs)
        scores = served.predict(name, examples, self.seed, keep)
        output.write(scores, "log_likelihood", examples.names)
        print(f"{counted(examples)} by {served}, nats per example")
        print(summary(scores, examples.names))
        print(f"all scores: {output.path}")


@dataclass(frozen=True, kw_only=True)
class Sample(WithOutput):
    """Generate samples: images to .png, numbers to .csv or .npy, with their latent codes to .npz."""

    count: int = 64
    """Number of samples."""
    seed: int = 0
    """Random seed of the samples, together with their number."""
    sampler: Literal["prior", "aggregated"] = "prior"
    """Distribution to sample latent codes from: the prior or the aggregated posterior."""

    def run(self, transport):
        """Runs the command."""
        output = OutputFile(self.out, (".png", ".csv", ".npy", ".npz"), self.overwrite)
        served = self.served(transport)
        name = f"sample_{self.sampler}"
        shape = served.signature(name).outputs["mean"].shape[1:]
        if output.suffix == ".png":
            require_images(shape, served)
        keep = {".npz": ["z", "mean"], ".png": ["z", "mean"]}.get(output.suffix, ["mean"])
        samples = served.predict(name, Arrays({}, self.count), self.seed, keep)
        if output.suffix == ".png":
            output.draw(contact_sheet(pictures(samples, served)))
        else:
            output.write(samples, "mean")
        print(f"{self.count:,} samples of the {SAMPLERS[self.sampler]} of {served}: {output.path}")


@dataclass(frozen=True, kw_only=True)
class Reconstruct(WithData):
    """Write reconstructions of examples: images below their originals to .png, numbers to .csv or .npy."""

    def run(self, transport):
        """Runs the command."""
        output = OutputFile(self.out, (".png", ".csv", ".npy"), self.overwrite)
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
    """Returns the number of examples, in words."""
    return "1 example" if len(examples) == 1 else f"{len(examples):,} examples"


def columns(served, names, suffix):
    """Returns the names of the outputs of some signatures that a file can hold, and of those that it cannot.

    Args:
        served: the `RemoteModel`.
        names: names of the signatures.
        suffix: the file's; .csv files hold no matrices.
    """
    tensors = {key: tensor for name in names for key, tensor in served.signature(name).outputs.items()}
    left_out = [key for key, tensor in tensors.items() if suffix == ".csv" and len(tensor.shape) > 2]
    return led_by("loc", set(tensors) - set(left_out)), left_out


def led_by(first, names):
    """Returns names in the order of columns: the most important one, then the others in alphabetical order."""
    return sorted(names, key=lambda name: (name != first, name))


def require_images(shape, served):
    """Checks that the outputs of a model are images.

    Args:
        shape: shape of one row.
        served: the `RemoteModel`.

    Raises:
        ValueError: they are not.
    """
    if not is_image(shape):
        raise ValueError(f"The {served} returns rows of shape {list(shape)}, not images. Write a .csv or .npy file.")


def pictures(samples, served):
    """Returns samples as pixels, drawn by the server if it can.

    Args:
        samples: a dict with z [N, L] and mean [N, height, width, channels].
        served: the `RemoteModel`.

    Returns:
        uint8 [N, height, width, channels].
    """
    if "decode_png" not in served.signatures:
        return levels(samples["mean"])
    return decoded(served.predict("decode_png", Arrays({"z": samples["z"]}))["image_bytes"])


def pairs(examples, mean):
    """Draws examples, each with its reconstruction below it.

    Args:
        examples: see `examples_in`.
        mean: the reconstructions [N, height, width, channels].
    """
    inputs = examples.inputs(0, len(examples))
    if examples.bytes:
        return sheet_of_pairs(decoded(inputs["image_bytes"], mean.shape[1:]), levels(mean))
    both = levels(np.concatenate([inputs["x"], mean]))  # in the same units
    return sheet_of_pairs(both[: len(mean)], both[len(mean) :])
