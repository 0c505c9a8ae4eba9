"""Data: supports, standardization, decoding of images, lazy arrays and validation of examples."""
