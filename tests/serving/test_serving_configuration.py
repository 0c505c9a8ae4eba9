"""What starts a server, and what it is told."""

import os
import shutil
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.protobuf import text_format
from google.protobuf.json_format import MessageToDict
from tensorflow_serving.config import model_server_config_pb2

from export import manifest
from export.serving import configuration
from export.serving.start_server import main


@pytest.fixture
def served(tmp_path):
    """A folder with two exported models, and what is none."""
    folder = tmp_path / "the served"
    for version in ("tril_vae/1", "tril_vae/12", "vamp_vae/3", "half/partial-0", "others/1"):
        (folder / version).mkdir(parents=True)
    for version in ("tril_vae/12", "vamp_vae/3"):
        manifest.write(folder / version, {})
    return folder


def parsed(text):
    return text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config


def test_the_server_s_own_reader_takes_the_list_of_models(served):
    configuration.write(served)
    for name, base in ((configuration.MODELS, "/models"), (configuration.LOCAL_MODELS, str(served))):
        found = parsed((served / name).read_text())
        assert [(model.name, model.base_path) for model in found] == [
            ("tril_vae", f"{base}/tril_vae"),
            ("vamp_vae", f"{base}/vamp_vae"),
        ]
        assert {model.model_platform for model in found} == {"tensorflow"}
        assert {model.model_version_policy.latest.num_versions for model in found} == {2}
        assert not any(model.version_labels for model in found)
    found = configuration.served_models(served)
    assert parsed(configuration.models(found, '/a "b" \\c'))[0].base_path == '/a "b" \\c/tril_vae'
    (served / "vamp_vae").rename(served / 'my "vae"')
    assert parsed(configuration.models(configuration.served_models(served), "/"))[0].name == 'my "vae"'


def damaged(version):
    """A version whose files are not those of its manifest."""
    version.mkdir()
    (version / "saved_model.pb").write_text("whole")
    manifest.write(version, {})
    (version / "saved_model.pb").write_text("cut")


def test_damaged_versions_keep_no_model_from_being_served(served):
    names = {"tril_vae": {"latest": {"num_versions": 2}}, "vamp_vae": {"latest": {"num_versions": 2}}}

    def policies():
        return {
            model.name: MessageToDict(model.model_version_policy, preserving_proto_field_name=True)
            for model in parsed((served / configuration.LOCAL_MODELS).read_text())
        }

    damaged(served / "tril_vae" / "13")
    (served / "vamp_vae" / "4").mkdir()  # without a manifest: half a copy
    damaged(served / "half" / "1")
    found = {model.name: model for model in configuration.write(served)}
    assert policies() == names
    assert found["tril_vae"].damage == ("Version 13 of 'tril_vae' is damaged: 'saved_model.pb' has changed.",)
    assert found["vamp_vae"].damage == (
        "Version 4 of 'vamp_vae' is damaged: it has no manifest.json that can be read.",
    )
    assert found["half"].policy is None
    damaged(served / "tril_vae" / "14")
    (served / "tril_vae" / "14" / "saved_model.pb").unlink()
    configuration.write(served)  # a server would try the two newest ones only, and not start
    assert policies() == names | {"tril_vae": {"specific": {"versions": ["12"]}}}
    (served / "tril_vae" / "15").mkdir()
    manifest.write(served / "tril_vae" / "15", {})
    configuration.write(served)
    assert policies() == names


def test_metrics_are_on_and_batching_is_not(served):
    configuration.write(served)
    assert (served / "monitoring.config").read_text().split() == [
        *("prometheus_config", "{", "enable:", "true", "path:", '"/monitoring/prometheus/metrics"', "}")
    ]
    flags = configuration.flags("/models")
    assert flags == [
        "--port=8500",
        "--rest_api_port=8501",
        "--grpc_max_threads=256",
        "--rest_api_num_threads=64",
        "--model_config_file=/models/models.config",
        "--model_config_file_poll_wait_seconds=10",
        "--max_num_load_retries=1",
        "--load_retry_interval_micros=5000000",
        "--rest_api_timeout_in_ms=120000",
        "--monitoring_config_file=/models/monitoring.config",
    ]
    batching = ["--enable_batching=true", "--enable_per_model_batching_parameters=true"]
    assert configuration.flags("/models", batching=True) == flags + batching
    compose = (served / "compose.yaml").read_text()
    lines = [line.strip() for line in compose.splitlines()]
    assert [line for line in lines if line.startswith("- ")] == [f"- {flag}" for flag in flags]
    assert {f"# - {flag}" for flag in batching} < set(lines)
    assert 'volumes: [".:/models:ro"]' in compose
    assert 'ports: ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]' in compose
    assert not list(served.glob("partial-*"))


def fake(folder, name, script):
    """A program of that name, which says what it was called with."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run(monkeypatch, path, *words):
    """What the command puts in its place."""
    called = []
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")  # as the Makefile does
    monkeypatch.setattr(os, "execvpe", lambda *words: called.append(words))
    main([*words])
    ((program, arguments, environment),) = called
    assert program == arguments[0]
    assert environment == {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    return arguments


def test_the_server_on_the_path_is_started(served, tmp_path, monkeypatch, capsys):
    fake(tmp_path / "bin", "tensorflow_model_server", "exit 0")
    fake(tmp_path / "bin", "docker", "exit 0")
    words = run(monkeypatch, tmp_path / "bin", "--served", str(served), "--rest-port", "9001")
    assert words[0] == "tensorflow_model_server"
    assert {"--port=8500", "--rest_api_port=9001", f"--model_config_file={served}/models.local.config"} < set(words)
    said = capsys.readouterr().out
    assert "tril_vae, vamp_vae" in said
    assert "http://localhost:9001/v1/models/tril_vae" in said
    assert "warning: tensorflow_model_server listens on all addresses of this machine: keep strangers out" in said
    assert "warning: 'others' is left out: it has no undamaged version." in said
    assert "batching" not in said


def test_else_docker_is(served, tmp_path, monkeypatch):
    fake(tmp_path / "bin", "docker", 'test "$1" = info')
    words = run(monkeypatch, tmp_path / "bin", "--served", str(served), "--grpc-port", "9000")
    assert words[:3] == ["docker", "run", "--rm"]
    image = words.index(configuration.IMAGE)
    places = ["-p", "127.0.0.1:9000:8500", "-p", "127.0.0.1:8501:8501", "-v", f"{served}:/models:ro"]
    assert words[3:image] == [*places, "--init", "--entrypoint", "tensorflow_model_server"]
    assert words[image + 1 :] == configuration.flags("/models")


def test_docker_listens_where_it_is_told(served, tmp_path, monkeypatch, capsys):
    fake(tmp_path / "bin", "docker", 'test "$1" = info')
    fake(tmp_path / "bin", "tensorflow_model_server", "exit 0")
    for host, place, warned in (("0.0.0.0", "0.0.0.0", True), ("::1", "[::1]", False), ("10.0.0.7", "10.0.0.7", True)):
        words = run(monkeypatch, tmp_path / "bin", "--served", str(served), "--docker", "--host", host, "--batching")
        assert words[3:7] == ["-p", f"{place}:8500:8500", "-p", f"{place}:8501:8501"]
        assert words[-2:] == [*configuration.BATCHING]
        said = capsys.readouterr().out
        assert f"gRPC  {host if host == '10.0.0.7' else 'localhost'}:8500" in said
        assert (f"warning: other machines reach {host}: keep strangers out" in said) == warned
        assert "warning: batching is on, and a few requests of 0 rows stop the server" in said


def test_a_server_that_cannot_listen_on_one_address_is_not_started(served, tmp_path, monkeypatch):
    fake(tmp_path / "bin", "tensorflow_model_server", "exit 0")
    run(monkeypatch, tmp_path / "bin", "--served", str(served), "--host", "0.0.0.0")
    with pytest.raises(SystemExit, match=r"error: .* no option for '127.0.0.1' alone. Start .* --docker"):
        main(["--served", str(served), "--host", "127.0.0.1"])
    for host in ("here", ""):
        with pytest.raises(SystemExit, match=f"error: Expected --host to be an IP address .*, got '{host}'"):
            main(["--served", str(served), "--host", host])
    with pytest.raises(SystemExit, match=r"error: docker is not on the PATH"):
        main(["--served", str(served), "--docker"])


@pytest.mark.parametrize(
    ("docker", "said"),
    [
        (None, "error: Neither tensorflow_model_server nor docker is on the PATH. Install one: "),
        (
            "echo no permission >&2; exit 1",
            "error: tensorflow_model_server is not .* start it. Docker says: no permission",
        ),
    ],
)
def test_without_any_a_sentence_says_what_to_install(served, tmp_path, monkeypatch, docker, said):
    (tmp_path / "bin").mkdir()
    if docker:
        fake(tmp_path / "bin", "docker", docker)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(SystemExit, match=said):
        main(["--served", str(served)])


def test_without_models_a_sentence_says_how_to_make_one(tmp_path):
    (tmp_path / "vae").mkdir()
    damaged(tmp_path / "vae" / "1")
    with pytest.raises(SystemExit, match=r"No exported model in '.*'. Version 1 of 'vae' .* changed. Export one"):
        main(["--served", str(tmp_path)])
    shutil.rmtree(tmp_path / "vae")
    with pytest.raises(SystemExit, match=r"error: No exported model in '.*'. Export one: make export MODEL=tril_vae"):
        main(["--served", str(tmp_path)])


@pytest.mark.parametrize("ports", [("8500", "8500"), ("0", "8501"), ("8500", "70000")])
def test_ports_that_make_no_sense_are_refused(served, ports):
    with pytest.raises(
        SystemExit, match=f"error: Expected two ports .* got {ports[0]} for gRPC and {ports[1]} for REST"
    ):
        main(["--served", str(served), "--grpc-port", ports[0], "--rest-port", ports[1]])


def test_a_configuration_takes_the_place_of_the_last_one_at_once(served, monkeypatch):
    configuration.write(served)
    before = (served / configuration.MODELS).stat().st_ino
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        configuration.write(served)
    assert (served / configuration.MODELS).stat().st_ino == before
    assert not list(served.glob("partial-*"))


def test_two_exports_at_once_never_leave_an_empty_list(served):
    configuration.write(served)
    ended, seen = threading.Event(), set()

    def read():
        while not ended.is_set():
            seen.add((served / configuration.MODELS).read_text())

    def write():
        for _ in range(30):
            configuration.write(served)

    with ThreadPoolExecutor() as pool:
        reader = pool.submit(read)
        for writer in [pool.submit(write) for _ in range(3)]:
            writer.result()
        ended.set()
        reader.result()
    assert seen == {configuration.models(configuration.served_models(served), "/models")}
