"""Where the weights of a loaded model come from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """Where a model's weights come from.

    Args:
        preset: the name or the folder that it was loaded from.
        weights: role → "kept", "new", "upgraded" (another part, started from the weights of the old one), "given" (an
            object of the caller's, with its own weights), or in how many layers they were kept, resampled for
            images of another size or matched to other columns, and new. Samplers are kept if encoder and posterior are.
    """

    preset: str
    weights: dict[str, str]

    def __str__(self):
        return f"weights of {self.preset}: " + ", ".join(f"{role} {what}" for role, what in self.weights.items())
