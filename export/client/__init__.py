"""The client of a server of this zoo's models: `python -m export.client --help`.

In Python, `Rest` and `Grpc` of `export.client.transports` send the same requests by REST and by gRPC. Only the latter's
file imports TensorFlow, so that the client starts at once; for the same reason nothing here imports anything of `zoo`
but `zoo.commands`.
"""
