"""The squared maximum mean discrepancy in numpy, pair by pair."""

import numpy as np


def naive_squared_mmd(points, prior_points):
    """MMD² of one set of points [n][L] and another, each pair by itself."""
    n = len(points)
    distance = lambda a, b: sum((a - b) ** 2)  # noqa: E731
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    width = sum(distance(prior_points[i], prior_points[j]) for i, j in pairs) / len(pairs)
    kernel = lambda a, b: sum(np.exp(-distance(a, b) / (width / k)) for k in (1, 2, 4, 8)) / 4  # noqa: E731
    own = sum(kernel(points[i], points[j]) for i, j in pairs) / len(pairs)
    prior = sum(kernel(prior_points[i], prior_points[j]) for i, j in pairs) / len(pairs)
    across = sum(kernel(a, b) for a in points for b in prior_points) / n**2
    return own + prior - 2 * across
