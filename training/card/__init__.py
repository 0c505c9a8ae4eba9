"""Model cards: README.md of a preset, in the form of Hugging Face's."""
