"""What a server is configured by: which models, batching, monitoring; and a compose file for the same."""

import os
import uuid
from pathlib import Path

from export import manifest, publish

MODELS, LOCAL_MODELS, MONITORING, COMPOSE = "models.config", "models.local.config", "monitoring.config", "compose.yaml"
FILES = (MODELS, LOCAL_MODELS, MONITORING, COMPOSE)
MOUNTED = "/models"  # where the folder of the served models is in a container
SERVER, IMAGE = "tensorflow_model_server", "tensorflow/serving:2.20.0"
GRPC, REST = 8500, 8501
METRICS = "/monitoring/prometheus/metrics"
# Of two versions, so that who asks for rows of the last one gets them all while a new one comes.
ENTRY = """\
  config {{
    name: "{name}"
    base_path: "{base}/{name}"
    model_platform: "tensorflow"
    model_version_policy {{ latest {{ num_versions: 2 }} }}
  }}
"""


def served_names(folder):
    """The models in a folder that have a version which an export published, by name."""
    last = {path.name: publish.versions(path)[-1:] for path in sorted(Path(folder).glob("*"))}
    return [name for name, versions in last.items() if any(map(manifest.read, versions))]


def write(folder):
    """Writes the configuration of a server on the models in a folder, beside them.

    Args:
        folder: path.

    Raises:
        OSError: it cannot be written.
    """
    folder, names = Path(folder), None
    while names != served_names(folder):  # another export may have published meanwhile
        names = served_names(folder)
        _write(folder / MODELS, models(folder, MOUNTED))
        _write(folder / LOCAL_MODELS, models(folder, folder.resolve()))
    _write(folder / MONITORING, f'prometheus_config {{\n  enable: true\n  path: "{METRICS}"\n}}\n')
    _write(folder / COMPOSE, compose())


def models(folder, base):
    """The list of the models in a folder, a `ModelServerConfig` in text.

    Args:
        folder: path.
        base: where the server sees that folder, an absolute path.
    """
    quoted = str(base).replace("\\", "\\\\").replace('"', '\\"')
    entries = "".join(ENTRY.format(name=name, base=quoted) for name in served_names(folder))
    return f"model_config_list {{\n{entries}}}\n"


def flags(base, models=MODELS, grpc=GRPC, rest=REST):
    """The server's flags.

    Args:
        base: where it sees the folder of the served models, an absolute path.
        models: name of the list of models in it.
        grpc, rest: ports.
    """
    return [
        f"--port={grpc}",
        f"--rest_api_port={rest}",
        f"--model_config_file={base}/{models}",
        "--model_config_file_poll_wait_seconds=10",
        # A version that does not load is tried twice, not for minutes: a server that starts waits for all of them.
        "--max_num_load_retries=1",
        "--load_retry_interval_micros=5000000",
        "--rest_api_timeout_in_ms=120000",  # longer than the client waits
        f"--monitoring_config_file={base}/{MONITORING}",
        "--enable_batching=true",
        "--enable_per_model_batching_parameters=true",
    ]


def compose():
    """A compose file of a server on the folder that it stands in."""
    command = "".join(f"      - {flag}\n" for flag in flags(MOUNTED))
    return f"""\
# Written anew by each export: docker compose -f {COMPOSE} up
services:
  serving:
    image: {IMAGE}
    entrypoint: [{SERVER}]
    init: true
    restart: unless-stopped
    ports: ["{GRPC}:{GRPC}", "{REST}:{REST}"]
    volumes: [".:{MOUNTED}:ro"]
    command:
{command}"""


def _write(path, text):
    """Writes a file, whole or not at all: a running server reads it every few seconds."""
    partial = path.with_name(f"{publish.PARTIAL}{uuid.uuid4().hex}-{path.name}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
