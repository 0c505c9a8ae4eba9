"""Tests: `contract/` holds every registered part to the same promises, `models/` and `shared/` are what tests share."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
