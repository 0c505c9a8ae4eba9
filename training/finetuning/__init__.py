"""Fine-tuning: from a trained model and new data to a model whose training starts where the other's ended."""
