"""A summary of scores."""

import numpy as np

SHOWN = 5  # examples with the lowest and highest scores


def summary(scores, names=None):
    """Returns a table of scores, and the examples with the lowest and highest ones; of one example its scores.

    Args:
        scores: a dict of arrays [N], in nats.
        names: names of the examples; None for row numbers.

    Returns:
        Text of some lines.
    """
    if len(next(iter(scores.values()))) == 1:
        return "\n".join(f"{name:<16}{values[0]:>10.2f}" for name, values in scores.items())
    lines = [f"{'':<16}{'mean':>10}{'± s.e.':>10}{'least':>10}{'median':>10}{'greatest':>10}"]
    for name, values in scores.items():
        error = values.std(ddof=1) / np.sqrt(len(values))
        cells = (values.mean(), error, values.min(), np.median(values), values.max())
        lines.append(f"{name:<16}" + "".join(f"{cell:>10.2f}" for cell in cells))
    by = "log_likelihood" if "log_likelihood" in scores else next(iter(scores))
    order = np.argsort(scores[by], kind="stable")
    for title, chosen in (("lowest", order[:SHOWN]), ("highest", order[::-1][:SHOWN])):
        lines.append(f"{title} {by}")
        lines += [f"{scores[by][i]:>10.2f}  {f'row {i}' if names is None else names[i]}" for i in chosen]
    return "\n".join(lines)
