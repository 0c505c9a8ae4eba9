"""The configuration of a server: its models, batching and monitoring, and a compose file with the same."""

from pathlib import Path
from typing import NamedTuple

from export import manifest, publish
from zoo.commands import atomic

MODELS, LOCAL_MODELS, MONITORING, COMPOSE = "models.config", "models.local.config", "monitoring.config", "compose.yaml"
FILES = (MODELS, LOCAL_MODELS, MONITORING, COMPOSE)
MOUNTED = "/models"  # path of the served models in a container
SERVER, IMAGE = "tensorflow_model_server", "tensorflow/serving:2.20.0"
GRPC, REST = 8500, 8501
METRICS = "/monitoring/prometheus/metrics"
BATCHING = ("--enable_batching=true", "--enable_per_model_batching_parameters=true")
LOOPBACK = "127.0.0.1"
ENTRY = """\
  config {{
    name: "{name}"
    base_path: "{base}/{name}"
    model_platform: "tensorflow"
    model_version_policy {{ {policy} }}
  }}
"""
VERSIONS = 2  # clients that are using the last version can go on while a new one is loaded
LATEST, ONE = f"latest {{ num_versions: {VERSIONS} }}", "specific {{ versions: {} }}"


class Model(NamedTuple):
    """A model in the folder of the served models.

    A server starts only if each model on its list has a version that loads.

    Args:
        name: the model's.
        policy: versions to load, a `ServableVersionPolicy` in text; None if all are damaged.
        damage: a sentence about each damaged version that is newer than the newest undamaged one.
    """

    name: str
    policy: str | None
    damage: tuple[str, ...]


def served_models(folder):
    """Returns the models in a folder, a `Model` each, by name.

    Versions were proved at their export; here their files are compared with the checksums of the export.

    Args:
        folder: path.
    """
    return [_model(path, versions) for path, versions in _published(folder)]


def _published(folder):
    """Returns the folders that have versions, with their versions."""
    found = ((path, publish.versions(path)) for path in sorted(Path(folder).glob("*")))
    return [(path, versions) for path, versions in found if versions]


def _model(path, versions):
    damaged = []
    for version in reversed(versions):
        wrong = manifest.damage(version)
        if wrong is None:
            policy = LATEST if len(damaged) < VERSIONS else ONE.format(int(version.name))
            return Model(path.name, policy, tuple(damaged))
        damaged.append(f"Version {version.name} of '{path.name}' is damaged: {wrong}.")
    return Model(path.name, None, tuple(damaged))


def write(folder):
    """Writes the configuration of a server of the models in a folder into the folder.

    Args:
        folder: path.

    Returns:
        The models in the folder, see `served_models`.

    Raises:
        OSError: it cannot be written.
    """
    folder, published = Path(folder), None
    while published != _published(folder):  # another export may have published in the meantime
        published = _published(folder)
        found = served_models(folder)
        atomic.write(folder / MODELS, models(found, MOUNTED), durable=True)
        atomic.write(folder / LOCAL_MODELS, models(found, folder.resolve()), durable=True)
    atomic.write(folder / MONITORING, f'prometheus_config {{\n  enable: true\n  path: "{METRICS}"\n}}\n', durable=True)
    atomic.write(folder / COMPOSE, compose(), durable=True)
    return found


def models(found, base):
    """Returns the list of models for a server, a `ModelServerConfig` in text.

    Args:
        found: see `served_models`; a model without an undamaged version is left out, as no server would start with it.
        base: absolute path of their folder, as the server sees it.
    """
    entries = "".join(
        ENTRY.format(name=_escaped(model.name), base=_escaped(base), policy=model.policy)
        for model in found
        if model.policy
    )
    return f"model_config_list {{\n{entries}}}\n"


def _escaped(value):
    return str(value).replace("\\", "\\\\").replace('"', '\\"')


def flags(base, models=MODELS, grpc=GRPC, rest=REST, batching=False):
    """Returns the server's flags.

    Args:
        base: absolute path of the folder of the served models, as the server sees it.
        models: name of the list of models in it.
        grpc: port of gRPC.
        rest: port of REST.
        batching: whether the server merges requests into batches. It then never answers a request of 0 rows.
    """
    return [
        f"--port={grpc}",
        f"--rest_api_port={rest}",
        # The defaults are four per core, beyond which gRPC refuses requests and REST queues them.
        "--grpc_max_threads=256",
        "--rest_api_num_threads=64",
        f"--model_config_file={base}/{models}",
        "--model_config_file_poll_wait_seconds=10",
        # A version that does not load is tried twice, not for minutes: a server waits for all versions when it starts.
        "--max_num_load_retries=1",
        "--load_retry_interval_micros=5000000",
        "--rest_api_timeout_in_ms=120000",  # longer than the client waits
        f"--monitoring_config_file={base}/{MONITORING}",
        *(BATCHING if batching else ()),
    ]


def compose():
    """Returns a compose file of a server of the models in its folder."""
    command = "".join(f"      - {flag}\n" for flag in flags(MOUNTED))
    batching = "".join(f"      # - {flag}\n" for flag in BATCHING)
    ports = ", ".join(f'"{LOOPBACK}:{port}:{port}"' for port in (GRPC, REST))
    return f"""\
# Each export replaces this file: docker compose -f {COMPOSE} up
services:
  serving:
    image: {IMAGE}
    entrypoint: [{SERVER}]
    init: true
    restart: unless-stopped
    # For this machine alone. The server is none for strangers: let them reach a proxy.
    ports: [{ports}]
    volumes: [".:{MOUNTED}:ro"]
    command:
{command}      # Batching, for a copy of this file. With it the server never answers a request of 0 rows, and a few
      # of these stop it for good: let all requests come through a proxy that refuses them.
{batching}"""
