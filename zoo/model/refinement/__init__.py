"""Posteriors refined for each example."""
