"""The model: a VAE of its parts, its training step, its scores and its files."""
