"""Moving averages of weights by a loop in numpy."""


def numpy_averages(path, momentum):
    """The averages after each step of a path of lists of weights, which starts after the first step."""
    averages = [path[0]]
    for n, weights in enumerate(path[1:], start=1):
        m = min(momentum, n / (n + 9))
        averages.append([m * average + (1 - m) * weight for average, weight in zip(averages[-1], weights, strict=True)])
    return averages
