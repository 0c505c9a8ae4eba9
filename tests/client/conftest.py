"""A stand-in server, and the commands that ask it."""

import pytest

from export.client.__main__ import main
from tests.models.linear_models import linear_model
from tests.servers.stand_in_server import StandInServer
from tests.shared.client_commands import SHAPE


@pytest.fixture(scope="module")
def server():
    with StandInServer({"images": linear_model(SHAPE), "rows": {7: linear_model((3,))}}) as running:
        yield running


@pytest.fixture
def run(server, tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder, by REST unless told otherwise; returns what it prints."""
    monkeypatch.chdir(tmp_path)
    server.asked.clear()
    server.refusals.clear()

    def command(name, *words, model="images", by="rest", **options):
        options = {"model": model, "address": getattr(server, by), "retries": 0} | options
        flags = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        main([name, *words, *flags, *(["--grpc"] if by == "grpc" else [])])
        return capsys.readouterr().out

    return command
