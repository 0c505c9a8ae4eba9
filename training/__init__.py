"""Data → trained weights: `python -m training.train --model tril_vae --data digits`."""
