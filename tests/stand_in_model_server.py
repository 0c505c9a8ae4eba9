"""A program that is started as tensorflow_model_server is, and watches its folders as that does: the stand-in server.

It answers from the C++ loader, in which it tries the warm-up requests of a new version before that takes the place of
the last one.
"""

import sys
import time
from pathlib import Path

import tensorflow as tf
from google.protobuf import text_format
from served_exports import Loaded
from stand_in_server import StandInServer
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from export import publish, warmup

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


def watch(config, models):
    """Keeps the newest versions of each model that load, as many as its policy says, for ever."""
    failed = set()
    while True:
        listed = text_format.Parse(Path(config).read_text(), model_server_config_pb2.ModelServerConfig())
        for model in listed.model_config_list.config:
            wanted = model.model_version_policy.latest.num_versions
            for version in publish.versions(model.base_path)[-wanted:]:
                number = int(version.name)
                there = models.setdefault(model.name, {})
                if version not in failed and number not in there and len([n for n in there if n > number]) < wanted:
                    try:
                        loaded = models[model.name] | {number: warmed_up(version)}
                        kept = sorted(loaded)[-wanted:]
                        models[model.name] = {number: loaded[number] for number in kept}
                    except Exception as error:
                        failed.add(version)
                        print(f"{version} failed to load: {error}", file=sys.stderr, flush=True)
        time.sleep(POLL)


if __name__ == "__main__":
    flags = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:])
    with StandInServer({}, int(flags["rest_api_port"]), int(flags["port"])) as server:
        watch(flags["model_config_file"], server.models)
