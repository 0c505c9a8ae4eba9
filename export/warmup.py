"""Warm-up requests, which servers run before they serve a version: broken ones do not load, good ones start fast."""

import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from export.signatures.inputs import probe_rows

FILE = "assets.extra/tf_serving_warmup_requests"  # the path that servers read


def write(folder, vae, name, signatures):
    """Writes a request of one row for each signature.

    Args:
        folder: the version's.
        vae: the `zoo.VAE`.
        name: of the served model.
        signatures: name -> concrete function.
    """
    rows = probe_rows(vae, 1)
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as records:
        for signature, function in sorted(signatures.items()):
            inputs = {key: tf.make_tensor_proto(rows[key]) for key in sorted(function.structured_input_signature[1])}
            spec = model_pb2.ModelSpec(name=name, signature_name=signature)
            request = predict_pb2.PredictRequest(model_spec=spec, inputs=inputs)
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            records.write(log.SerializeToString(deterministic=True))
