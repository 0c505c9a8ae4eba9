"""A TensorFlow Serving server on the exported models: its configuration, and its start."""
