"""The client of a server of this zoo's models: `python -m export.client --help`.

In Python, `export.client.rest.Rest` and `export.client.rpc.Grpc` ask for the same in two ways. The former imports no
TensorFlow, and so begins at once; for this reason nothing but the latter's file may import it, nor `zoo`.
"""
