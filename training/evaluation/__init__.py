"""What a trained model is worth: likelihood, information, covariances, samples."""
