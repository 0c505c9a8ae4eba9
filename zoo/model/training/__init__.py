"""Training steps: one, several in one program, and what skips them."""
