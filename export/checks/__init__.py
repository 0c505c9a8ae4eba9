"""What a SavedModel must pass before it is published: the lint, and the proof in TensorFlow's C++ loader."""
