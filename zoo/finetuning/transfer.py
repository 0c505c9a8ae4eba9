"""The weights of a trained part, for another part in its place."""

from zoo.finetuning.designs import design


def transfer(old, new, named):
    """Copies the weights of layers whose shapes are equal, or starts another part from them.

    Args:
        old: the trained part.
        new: the part in its place, built.
        named: whether the new part was asked for, so that weights of equal shape may mean something else.

    Returns:
        What was done: see `Origin`.
    """
    if named and design(old) != design(new):
        return "upgraded" if getattr(new, "start_from", lambda old: False)(old) else "new"
    pairs = list(zip(_layers(old), _layers(new), strict=False))
    same = [(a, b) for a, b in pairs if [w.shape for w in a] == [w.shape for w in b]]
    for a, b in same:
        for source, target in zip(a, b, strict=True):
            target.assign(source)
    layers = max(len(_layers(old)), len(_layers(new)))
    if len(same) == layers:
        return "kept"
    return f"kept in {len(same)} of {layers} layers" if same else "new"


def _layers(part):
    """Returns the weights of each layer of a part."""
    groups = {}
    for weight in part.weights:
        groups.setdefault(weight.path.rpartition("/")[0], []).append(weight)
    return list(groups.values())
