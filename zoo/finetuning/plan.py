"""What a fine-tuning will train: a row for each part of a model."""

from dataclasses import dataclass

from zoo.description import describe
from zoo.model.vae import VAE


@dataclass(frozen=True)
class PlannedPart:
    """A part of a model that is about to be trained.

    Args:
        role: one of `VAE.PARTS`.
        spec: spec of the part, or the network's name.
        weights: number of weights that training can change.
        trained: number of weights that are trained.
        origin: where they come from, see `zoo.finetuning.origin.Origin`; "new" for a model that was not loaded.
        training: "trained", "frozen", "lora(rank=…)", or "" for a part without weights.
    """

    role: str
    spec: str
    weights: int
    trained: int
    origin: str
    training: str


def plan(vae: VAE) -> list[PlannedPart]:
    """Returns a row for each part of a model, in the order of `VAE.PARTS`.

    Args:
        vae: a `zoo.VAE`.
    """
    found = describe(vae)
    origin = {} if vae.origin is None else vae.origin.weights
    return [
        PlannedPart(
            role,
            spec,
            weights,
            found.trained[role],
            origin.get(role, "new"),
            found.training[role] or "trained" * bool(weights),
        )
        for role, (spec, weights) in found.parts.items()
    ]
