"""The VAE: its parts, training step, scores, and saving and loading."""
