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

SERVER, DOCKER = configuration.SERVER, "docker"
APT = "https://www.tensorflow.org/tfx/serving/setup"


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
        folder, ports = Path(command.served).expanduser().resolve(), (command.grpc_port, command.rest_port)
        if len({*ports}) < 2 or not all(0 < port < 2**16 for port in ports):
            raise ValueError(f"Expected two ports from 1 to 65535, got {ports[0]} for gRPC and {ports[1]} for REST.")
        names = configuration.served_names(folder)
        if not names:
            raise ValueError(f"No exported model in '{command.served}'. Make one: make export MODEL=tril_vae.")
        words = server(folder, *ports)
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
    if not shutil.which(DOCKER):
        raise OSError(
            f"Neither {SERVER} nor docker is on the PATH. Install one: the package tensorflow-model-server ({APT}), "
            f"or Docker, which fetches {configuration.IMAGE}."
        )
    info = subprocess.run([DOCKER, "info"], capture_output=True, text=True, check=False)
    if info.returncode:
        said = (info.stderr.strip().splitlines() or ["nothing"])[-1]
        raise OSError(
            f"{SERVER} is not on the PATH, and Docker's engine does not answer: start it. Docker says: {said}"
        )
    ports = ["-p", f"{grpc}:{configuration.GRPC}", "-p", f"{rest}:{configuration.REST}"]
    mount = ["-v", f"{folder}:{configuration.MOUNTED}:ro"]
    # The image's own entry is a shell, which would keep Ctrl-C from the server.
    program = ["--init", "--entrypoint", SERVER, configuration.IMAGE]
    return [DOCKER, "run", "--rm", *ports, *mount, *program, *configuration.flags(configuration.MOUNTED)]


if __name__ == "__main__":
    main(sys.argv[1:])
