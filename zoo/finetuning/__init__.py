"""Other parts, shapes and supports for a trained model, which keep as much of its training as they can."""
