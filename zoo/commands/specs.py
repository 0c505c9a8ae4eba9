"""Specs: a name with options in brackets, as parts and learning-rate schedules are written on a command line."""

import ast
from typing import Any


def parse(spec: str | dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Parses a spec into a name and options.

    Args:
        spec: "mixture", "mixture(components=100)" or {"name": "mixture", "components": 100}.

    Returns:
        ("mixture", {"components": 100}).

    Raises:
        ValueError: the text is not a name with optional keyword arguments of literal values.
    """
    if isinstance(spec, dict):
        options = dict(spec)
        if "name" not in options:
            raise ValueError(f"A spec needs a 'name', got {spec!r}.")
        return options.pop("name"), options
    try:
        node = ast.parse(spec.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return node.id, {}
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
            raise ValueError
        return node.func.id, {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
    except (SyntaxError, ValueError, AttributeError, RecursionError, MemoryError):  # the last two of deep nesting
        raise ValueError(
            f"Cannot parse {spec!r}. Write a name, optionally with arguments: mixture or mixture(components=100)."
        ) from None
