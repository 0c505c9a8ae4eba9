"""The methods of the VAE that save and load presets; what they do is in `zoo.presets`, which is built on the model."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.finetuning.origin import Origin
    from zoo.model.vae import VAE


class _Presets:
    """A read-only attribute of a class: the presets of this package."""

    def __get__(self, instance, owner):
        return importlib.import_module("zoo.presets.collection").presets()


class PresetMethods:
    """Saving to presets and loading from them.

    Attributes:
        presets: name → description, model, parameters, data and scores of each preset of this package.
        origin: where the weights of a loaded model come from; None for a model that was not loaded.
    """

    presets: Any = _Presets()
    origin: "Origin | None" = None

    @staticmethod
    def from_preset(
        preset: str | Path,
        load_weights: bool = True,
        custom_objects: Mapping[str, type] | None = None,
        **parts: Any,
    ) -> "VAE":
        """Loads a trained model. Its files are checked before anything is created from them; no code in them runs.

        Args:
            preset: a name in `VAE.presets`, the folder of a preset or of a training run, or
                hf://owner/name[@revision] on Hugging Face, which needs huggingface_hub.
            load_weights: whether to load the weights; if not, they are initialized.
            custom_objects: name → class, which the model's config may contain besides those of the zoo. Name only
                classes that you trust with any arguments. Parts that you have registered with `zoo.register` need not
                be named.
            **parts: replacements of `posterior`, `prior`, `likelihood`, `objective`, `encoder`, `decoder`, `network`,
                `latent`, `support` or `event_shape`, as in `zoo.build`. Layers whose parts and shapes are unchanged
                keep their weights, and another posterior or prior starts from the old one if it can; what is kept and
                what is new is printed, and in `zoo.describe(vae)`. Another `support` has another likelihood, its
                default one unless `likelihood` is given; call `adapt` for real data. For a table, `columns` has for
                each column the index of the one in the trained model's data that it is, or None for a new one.

        Returns:
            A `zoo.VAE`, not compiled.

        Raises:
            FileNotFoundError: there is no such preset.
            ValueError: its files are damaged or were changed, or contain classes that are not allowed.
            TypeError: there is no such part.
        """
        return importlib.import_module("zoo.presets.loading").from_preset(preset, load_weights, custom_objects, **parts)

    def save_to_preset(self, folder: str | Path) -> None:
        """Saves the model as a preset, atomically: `from_preset` loads it, bit-identical.

        Args:
            folder: the folder to write; must not contain anything.

        Raises:
            FileExistsError: the folder is not empty.
            OSError: writing failed, e.g. on a full disk; no folder is left.
        """
        importlib.import_module("zoo.presets.saving").save_to_preset(self, folder)
