"""What a fine-tuned model starts from, and what is trained of it: a part of its run's config."""

from dataclasses import dataclass, fields

from zoo.commands.specs import parse

# What --train names → the roles of the parts that are trained; the others are frozen.
TRAINED = {
    "all": ("encoder", "posterior", "prior", "decoder", "likelihood", "objective"),
    "decoder": ("decoder", "likelihood"),
    "encoder": ("encoder", "posterior"),
    "head": ("posterior", "likelihood"),
    "prior": ("prior",),
}
LORA = "lora"
RANK = 8  # of LoRA, if none is set


@dataclass(frozen=True)
class Base:
    """What a fine-tuned model starts from.

    Args:
        model: name of a preset, folder of a preset or of a run, or an address on Hugging Face.
        checksum: of its model and weights.
        train: what is trained: a name in `TRAINED`, or "lora(rank=8)".
        keep_units: whether real data are still standardized by the mean and scale of the earlier training data.
        refresh_prior: whether the prior was fitted to the new data before the first step.
        replaced: specs of the parts that are other ones than the model's, by role.
    """

    model: str
    checksum: str
    train: str = "all"
    keep_units: bool = False
    refresh_prior: bool = True
    replaced: dict[str, str] | None = None

    def __post_init__(self):
        trained(self.train)  # raises an error if it is neither

    @property
    def lora_rank(self):
        """Rank of LoRA; None if whole weights are trained."""
        return trained(self.train)[1]

    @property
    def trained(self):
        """Roles of the parts that are trained."""
        return trained(self.train)[0]

    @classmethod
    def from_json(cls, values):
        """Returns what a config.json says of it.

        Args:
            values: the object.

        Raises:
            ValueError: it is not an object of these keys, or of other types.
        """
        kinds = {"model": str, "checksum": str, "train": str, "keep_units": bool, "refresh_prior": bool}
        if not isinstance(values, dict) or not {"model", "checksum"} <= {*values} <= {f.name for f in fields(cls)}:
            raise ValueError(
                f"Expected from to be an object of {', '.join(f.name for f in fields(cls))}, got {values!r:.80}."
            )
        for name, kind in kinds.items():
            if name in values and not isinstance(values[name], kind):
                raise ValueError(f"Expected {name} in from to be {kind.__name__}, got {values[name]!r:.80}.")
        return cls(**values)


def trained(what):
    """Returns the roles of the parts that are trained, and the rank of LoRA or None.

    Args:
        what: see `Base.train`.

    Raises:
        ValueError: it is none of these.
    """
    if what in TRAINED:
        return TRAINED[what], None
    try:
        name, options = parse(what)
    except ValueError:
        name, options = None, {}
    rank = options.get("rank", RANK)
    if name != LORA or not {*options} <= {"rank"} or type(rank) is not int or rank < 1:
        raise ValueError(f"Expected --train to be {', '.join(TRAINED)} or '{LORA}(rank={RANK})', got '{what}'.")
    return TRAINED["all"], rank
