"""Trained weights → SavedModels for TensorFlow Serving. Nothing is imported here: parts of it do without TensorFlow."""
