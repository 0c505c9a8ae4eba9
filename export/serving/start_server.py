"""Start TensorFlow Serving on all exported models: `python -m export.serving.start_server`."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import tyro

from export.serving import configuration
from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.quiet import LOG_LEVEL

SERVER, DOCKER = configuration.SERVER, "docker"
APT = "https://www.tensorflow.org/tfx/serving/setup"
OPEN = "keep strangers out with a firewall, or a proxy before it (see the README)."


@dataclass(frozen=True)
class ServeCommand:
    """Start TensorFlow Serving on all exported models, with metrics for Prometheus; stop it with Ctrl-C."""

    served: str = "served"
    """Folder of the served models."""
    grpc_port: int = configuration.GRPC
    """Port for gRPC."""
    rest_port: int = configuration.REST
    """Port for REST and the metrics."""
    host: str | None = None
    """IP address to listen on; 0.0.0.0 for all addresses. Unset, Docker listens on 127.0.0.1, for this machine alone;
    tensorflow_model_server always listens on all addresses."""
    docker: bool = False
    """Start the Docker image even if tensorflow_model_server is on the PATH."""
    batching: bool = False
    """Merge concurrent requests into batches of at most the export's --max-batch-size. A few requests of 0 rows then
    stop the server for good: use batching only behind a proxy that refuses them."""


def main(args=None, prog="python -m export.serving.start_server"):
    """Runs the command: the server takes the place of this process.

    Args:
        args: its command line; None for the process's own.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("no server was started"):
        command = tyro.cli(ServeCommand, args=args, prog=prog)
        _check(command)
        folder = Path(command.served).expanduser().resolve()
        _require_models(configuration.served_models(folder), command.served)
        words = server(folder, command)
        found = configuration.write(folder)
        _require_models(found, command.served)
        print(_said(words[0], command, found), flush=True)
        os.execvpe(words[0], words, environment())


def environment():
    """Returns the server's environment: this one without a log level that would hide why a version does not load."""
    return {name: value for name, value in os.environ.items() if name != LOG_LEVEL}


def _check(command):
    ports = command.grpc_port, command.rest_port
    if len({*ports}) < 2 or not all(0 < port < 2**16 for port in ports):
        raise ValueError(f"Expected two ports from 1 to 65535, got {ports[0]} for gRPC and {ports[1]} for REST.")
    try:
        listening(command)
    except ValueError as error:
        raise ValueError(
            f"Expected --host to be an IP address such as 127.0.0.1 or 0.0.0.0, got '{command.host}'."
        ) from error


def listening(command):
    """Returns the IP address that Docker listens on."""
    return ip_address(configuration.LOOPBACK if command.host is None else command.host)


def _require_models(found, folder):
    if not any(model.policy for model in found):
        damage = "".join(f" {sentence}" for model in found for sentence in model.damage[:1])
        raise ValueError(f"No exported model in '{folder}'.{damage} Export one: make export MODEL=tril_vae.")


def _said(program, command, found):
    """Returns what to print before the server starts."""
    served, address = [model.name for model in found if model.policy], listening(command)
    host = "localhost" if address.is_loopback or address.is_unspecified else _in_url(address)
    lines = [
        f"{program} on {', '.join(served)}",
        f"  REST  http://{host}:{command.rest_port}/v1/models/{served[0]}",
        f"  gRPC  {host}:{command.grpc_port}",
        f"  metrics  http://{host}:{command.rest_port}{configuration.METRICS}",
    ]
    for model in found:
        lines += [f"warning: {sentence}" for sentence in model.damage]
        lines += [] if model.policy else [f"warning: '{model.name}' is left out: it has no undamaged version."]
    if program == SERVER:
        lines.append(f"warning: {SERVER} listens on all addresses of this machine: {OPEN}")
    elif not address.is_loopback:
        lines.append(f"warning: other machines reach {command.host}: {OPEN}")
    if command.batching:
        lines.append("warning: batching is on, and a few requests of 0 rows stop the server: refuse them in a proxy.")
    return "\n".join(lines)


def _in_url(address):
    return f"[{address}]" if address.version == 6 else str(address)


def server(folder, command):
    """Returns the words of the command that starts a server.

    Args:
        folder: of the served models, an absolute path.
        command: the `ServeCommand`.

    Raises:
        OSError: there is none on this machine.
        ValueError: it cannot listen on the address of --host.
    """
    ports = command.grpc_port, command.rest_port
    if shutil.which(SERVER) and not command.docker:
        if command.host not in (None, "0.0.0.0"):
            raise ValueError(
                f"{SERVER} listens on all addresses, and has no option for '{command.host}' alone. "
                f"Start the Docker image instead with --docker, or leave out --host."
            )
        return [SERVER, *configuration.flags(folder, configuration.LOCAL_MODELS, *ports, command.batching)]
    _require_docker(command.docker)
    host, inner = _in_url(listening(command)), (configuration.GRPC, configuration.REST)
    places = [word for pair in zip(ports, inner, strict=True) for word in ("-p", f"{host}:{pair[0]}:{pair[1]}")]
    mount = ["-v", f"{folder}:{configuration.MOUNTED}:ro"]
    # The image's own entry is a shell, which would keep Ctrl-C from the server.
    program = ["--init", "--entrypoint", SERVER, configuration.IMAGE]
    flags = configuration.flags(configuration.MOUNTED, batching=command.batching)
    return [DOCKER, "run", "--rm", *places, *mount, *program, *flags]


def _require_docker(asked):
    """Checks that Docker is installed and answers; the message depends on whether it was asked for."""
    if not shutil.which(DOCKER):
        neither = "docker is not on the PATH" if asked else f"Neither {SERVER} nor docker is on the PATH"
        raise OSError(
            f"{neither}. Install one: the package tensorflow-model-server ({APT}), "
            f"or Docker, which fetches {configuration.IMAGE}."
        )
    info = subprocess.run([DOCKER, "info"], capture_output=True, text=True, check=False)
    if info.returncode:
        said = (info.stderr.strip().splitlines() or ["nothing"])[-1]
        because = "" if asked else f"{SERVER} is not on the PATH, and "
        raise OSError(f"{because}Docker's engine does not answer: start it. Docker says: {said}")


if __name__ == "__main__":
    main()
