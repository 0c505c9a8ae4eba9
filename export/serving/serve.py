"""Start TensorFlow Serving on all exported models: `python -m export.serving.serve`."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from export.errors import ended_by_a_sentence
from export.serving import configuration

SERVER, DOCKER = "tensorflow_model_server", "docker"


@dataclass(frozen=True)
class Command:
    """Start TensorFlow Serving on all exported models, batching and monitoring on; Ctrl-C ends it."""

    served: str = "served"
    """Folder of the served models."""
    grpc_port: int = configuration.GRPC
    """Port of gRPC."""
    rest_port: int = configuration.REST
    """Port of REST and of the metrics."""


def main(args=None):
    """The command; in its place the server runs on.

    Args:
        args: its words; None for the process's own.
    """
    with ended_by_a_sentence("no server was started"):
        command = tyro.cli(Command, args=args)
        folder = Path(command.served).resolve()
        names = configuration.served_names(folder)
        if not names:
            raise ValueError(f"No exported model in '{command.served}'. Make one: make export MODEL=tril_vae.")
        words = server(folder, command.grpc_port, command.rest_port)
        configuration.write(folder)
        print(f"{words[0]} on {', '.join(names)}")
        print(f"  REST  http://localhost:{command.rest_port}/v1/models/{names[0]}")
        print(f"  gRPC  localhost:{command.grpc_port}")
        print(f"  metrics  http://localhost:{command.rest_port}{configuration.METRICS}", flush=True)
        os.execvp(words[0], words)


def server(folder, grpc, rest):
    """The words of the command that starts a server.

    Args:
        folder: of the served models, an absolute path.
        grpc, rest: ports.

    Raises:
        OSError: there is none on this machine.
    """
    if shutil.which(SERVER):
        return [SERVER, *configuration.flags(folder, configuration.LOCAL_MODELS, grpc, rest)]
    if shutil.which(DOCKER):
        if subprocess.run([DOCKER, "info"], capture_output=True, check=False).returncode:
            raise OSError(
                f"{SERVER} is not on the PATH, and Docker is installed but its engine does not answer: start it."
            )
        ports = ["-p", f"{grpc}:{configuration.GRPC}", "-p", f"{rest}:{configuration.REST}"]
        mount = ["-v", f"{folder}:{configuration.MOUNTED}:ro"]
        return [DOCKER, "run", "--rm", *ports, *mount, configuration.IMAGE, *configuration.flags(configuration.MOUNTED)]
    raise OSError(
        f"Neither {SERVER} nor docker is on the PATH. Install one: the Debian package tensorflow-model-server, "
        f"or Docker, which fetches {configuration.IMAGE}."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
