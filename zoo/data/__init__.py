"""Data: what they are (support, units), how images become pixels, and checks of examples."""
