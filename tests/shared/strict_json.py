"""JSON as the standard has it."""

import json

import pytest


def strict_json(text):
    """What JSON says, without the NaN and Infinity that are Python's own."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON."))
