"""Kinds of files that user data come in: a file and a class each, listed in `kinds`."""
