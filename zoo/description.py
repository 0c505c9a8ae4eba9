"""Summaries of models: parts, specs and parameter counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from zoo.catalog import CATALOG
from zoo.model.building import build
from zoo.model.tuning.freezing import weights_to_train
from zoo.model.tuning.lora import ordinary
from zoo.model.vae import VAE
from zoo.registry import spec_of


@dataclass(frozen=True, repr=False)
class Description:
    """The parts of a model and their sizes; its `repr` is a table.

    Args:
        name: the model's name.
        summary: the model's description, in a line.
        event_shape: shape of one x.
        latent: L.
        latent_parameters: number of parameters of q(z|x) for one x; None if the posterior has no `params_size`.
        parts: role -> (spec or the network's name, number of parameters that training can change).
        total: number of these parameters in all parts.
        trained: role -> number of parameters that are trained: 0 if the part is frozen.
        training: role -> "frozen", "lora(rank=…)" or "".
        origin: of a loaded model, which parts keep the weights of their preset and which are new; "" for others.
    """

    name: str
    summary: str
    event_shape: tuple[int, ...]
    latent: int
    latent_parameters: int | None
    parts: dict[str, tuple[str, int]]
    total: int
    trained: dict[str, int]
    training: dict[str, str]
    origin: str = ""

    def _latent_parameters(self):
        return "" if self.latent_parameters is None else f", {self.latent_parameters:,} parameters of q(z|x) for one x"

    def _note(self, role):
        """Returns what is said of a part beside its size."""
        training = self.training[role]
        if not training and self.parts[role][1] == self.trained[role]:
            return ""
        words = [training] if training == "frozen" else [training, f"trains {self.trained[role]:,}"]
        return "  " + " ".join(filter(None, words))

    def _share(self):
        trained = sum(self.trained.values())
        share = f"{trained / self.total:.1%} of the total" if trained < self.total else ""
        return [f"  {'trained':<11} {share:<32} {trained:>10,}"] if share else []

    def __repr__(self):
        rows = [f"  {role:<11} {part:<32} {count:>10,}{self._note(role)}" for role, (part, count) in self.parts.items()]
        return "\n".join(
            [
                f"{self.name}: {self.summary}" if self.summary else self.name,
                f"  x {list(self.event_shape)}, z [{self.latent}]{self._latent_parameters()}",
                f"  {'part':<11} {'':<32} {'parameters':>10}",
                *rows,
                f"  {'total':<11} {'':<32} {self.total:>10,}",
                *self._share(),
                *([f"  {self.origin}"] if self.origin else []),
            ]
        )


def describe(
    model: str | VAE, event_shape: Sequence[int] | int = (28, 28, 1), support: str = "binary", **overrides: Any
) -> Description:
    """Describes the parts of a model and their sizes.

    Args:
        model: a model's name, or a `zoo.VAE`.
        event_shape: shape of one x, if `model` is a name.
        support: name of the set that x lies in, if `model` is a name.
        **overrides: fields of the recipe, if `model` is a name: see `zoo.build`.

    Returns:
        A `Description`, to be printed.

    Raises:
        KeyError, TypeError, ValueError: as `zoo.build`.
    """
    vae = model if isinstance(model, VAE) else build(model, event_shape, support, **overrides)
    parts = {role: getattr(vae, role) for role in VAE.PARTS}
    with ordinary(vae):
        counts = {role: _count(weights_to_train(part)) for role, part in parts.items()}
    return Description(
        name=vae.name,
        summary=CATALOG[vae.name].summary if vae.name in CATALOG else "",
        event_shape=vae.event_shape,
        latent=vae.latent_size,
        latent_parameters=getattr(vae.posterior, "params_size", None),
        parts={role: (_name(part), counts[role]) for role, part in parts.items()},
        total=sum(counts.values()),
        training={role: "frozen" if role in vae.frozen else vae.lora.spec(role) for role in parts},
        trained={role: _count(part.trainable_weights) for role, part in parts.items()},
        origin="" if vae.origin is None else str(vae.origin),
    )


def overview() -> str:
    """Returns a table of all models with a line for each: name, parts and description. No model is built."""
    parts = ("posterior", "prior", "objective", "network")
    rows: list[tuple[str, ...]] = [("model", *parts, "")]
    rows += [
        (name, *(str(getattr(recipe, part)) for part in parts), recipe.summary) for name, recipe in CATALOG.items()
    ]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    lines = [[f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)] + [row[-1]] for row in rows]
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _name(part):
    return part.name if isinstance(part, keras.Model) else spec_of(part)


def _count(weights):
    return sum(weight.shape.num_elements() for weight in weights)
