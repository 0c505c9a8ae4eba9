"""Fine-tuning of a trained model: frozen parts, low-rank updates, and a prior that follows the posterior."""
