"""What fine-tuning is worth beside training from scratch, in cases of few examples."""
