"""A program that is started as tensorflow_model_server is, and watches its folders as that does: the stand-in server.

It answers from the C++ loader, in which it tries the warm-up requests of a new version before that takes the place of
the last one. As that one, it ends at its start where a model on its list has no version that loads.
"""

import os
import sys
import time
from pathlib import Path

import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from export import publish, warmup
from tests.servers.served_exports import Loaded
from tests.servers.stand_in_server import StandInServer, as_started

POLL = 0.2  # seconds


def warmed_up(version):
    """A version, its warm-up requests answered.

    Raises:
        Exception: it does not load, or one is not.
    """
    model = Loaded(version)
    for record in tf.data.TFRecordDataset(str(version / warmup.FILE)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        model.run(request.model_spec.signature_name, inputs)
    return model


def listed(config):
    """The models on the list: a dict of names to the versions that their policies want, paths."""
    found = text_format.Parse(Path(config).read_text(), model_server_config_pb2.ModelServerConfig())
    wanted = {}
    for model in found.model_config_list.config:
        versions, policy = publish.versions(model.base_path), model.model_version_policy
        if policy.HasField("specific"):
            wanted[model.name] = [path for path in versions if int(path.name) in policy.specific.versions]
        else:
            wanted[model.name] = versions[-policy.latest.num_versions :]
    return wanted


def load(config, server):
    """Brings what is served up to what is on the list; a version that failed is not tried again."""
    for name, wanted in listed(config).items():
        failed = server.failed.setdefault(name, {})
        loaded = dict(server.models.get(name, {}))
        for version in wanted:
            number = int(version.name)
            if number in loaded or number in failed:
                continue
            try:
                loaded[number] = warmed_up(version)
            except Exception as error:
                failed[number] = str(error)
                print(f"{version} failed to load: {error}", file=sys.stderr, flush=True)
        if loaded:
            server.models[name] = {number: loaded[number] for number in sorted(loaded)[-max(1, len(wanted)) :]}


def main(words):
    """Serves for ever, if each model on the list has a version that loads."""
    flags = dict(word.removeprefix("--").split("=", 1) for word in words)
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        sys.exit("the level of the log would hide why a version does not load")
    server = StandInServer({}, **as_started(words))
    load(flags["model_config_file"], server)
    lost = [name for name in server.failed if name not in server.models]
    if lost:
        sys.exit(f"{len(lost)} model(s) did not become available: {lost}")
    with server:
        while True:
            time.sleep(POLL)
            load(flags["model_config_file"], server)


if __name__ == "__main__":
    main(sys.argv[1:])
