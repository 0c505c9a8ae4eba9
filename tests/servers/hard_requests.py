"""Requests that stop servers which are started otherwise: of no rows, and many at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from export.client.transports.grpc_transport import Grpc
from export.client.transports.refusals import ServerError


def ask_for_no_rows(address, model, signature, x, timeout=5):
    """What gRPC answers past a client which would not ask.

    Args:
        address: the server's.
        model, signature: names.
        x: the only input, an array [0, ...].
        timeout: seconds after which it is an error.

    Returns:
        A dict of arrays.
    """
    request = predict_pb2.PredictRequest(inputs={"x": tf.make_tensor_proto(x)})
    request.model_spec.name, request.model_spec.signature_name = model, signature
    with Grpc(address, retries=0) as client:
        outputs = client.predictions.Predict(request, timeout=timeout).outputs
    return {name: tf.make_ndarray(tensor) for name, tensor in outputs.items()}


def ask_at_once(client, count, model, signature, x):
    """How many of many requests at once fail, by how they do: a dict of codes, None where one is answered."""
    client.signatures(model)

    def failure(_):
        try:
            client.predict(model, signature, {"x": x})
        except ServerError as error:
            return error.code
        return None

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(failure, range(count)))
