"""The methods of the VAE for fine-tuning."""

from collections.abc import Sequence

import numpy as np

from zoo.model.tuning import freezing, refresh
from zoo.model.tuning import lora as low_rank


class TuningMethods:
    """Frozen parts, low-rank updates, and a prior that follows the posterior."""

    def __setattr__(self, name, value):
        if name in self.PARTS and vars(self).get("built") and getattr(self, name) is not value:
            raise AttributeError(
                f"A built model keeps its {name}. Load it with another one: VAE.from_preset(preset, {name}=...), after "
                "vae.save_to_preset(preset)."
            )
        super().__setattr__(name, value)

    @property
    def frozen(self) -> tuple[str, ...]:
        """Roles of the frozen parts."""
        return freezing.frozen(self)

    @property
    def frozen_parts(self) -> freezing.FrozenParts:
        """What was trainable before `freeze`."""
        if "_frozen_parts" not in vars(self):
            self._frozen_parts = freezing.FrozenParts()
        return self._frozen_parts

    def get_compile_config(self):
        # The state of an optimizer that was built for some of the weights does not fit a model of all of them.
        return None if self.frozen_parts.flags or self.lora.rank else super().get_compile_config()

    @property
    def lora(self) -> low_rank.LoRA:
        """The low-rank updates that `enable_lora` has added."""
        if "_low_rank" not in vars(self):
            self._low_rank = low_rank.LoRA()
        return self._low_rank

    def enable_lora(self, rank: int = 8, roles: Sequence[str] | None = None) -> None:
        """Adds low-rank updates to the kernels of dense and convolution layers: W + A B, of which A and B are trained.

        (Hu et al., 2021, arXiv:2106.09685.) In these parts, all other weights are frozen except for biases and scales,
        and kernels for which A and B would have more weights than W. Outputs are unchanged at first: B is zero. Call
        `compile` afterwards. Whatever saves or exports the model merges the updates, so that the saved model is an
        ordinary one.

        Args:
            rank: number of columns of A and of rows of B.
            roles: names of parts, of "encoder", "posterior", "decoder" and "likelihood"; None for those of them that
                are not frozen.

        Raises:
            ValueError: the rank is so high that no update would be smaller than its kernel, a part is frozen or has no
                such layers, or the model has low-rank updates already.
        """
        low_rank.enable(self, rank, roles)

    def merge_lora(self) -> None:
        """Adds the low-rank updates to the kernels, and makes the model an ordinary one. Call `compile` afterwards."""
        low_rank.merge(self)

    def refresh_prior(self, x: np.ndarray, steps: int = 1_000, seed: int = 0, progress: bool = False) -> str:
        """Fits the prior to the codes of new training data, with everything else fixed, and samplers too.

        The pseudo-inputs of a VampPrior start at training examples. Learned normals, mixtures, flows and p(z₁|z₂)
        maximize the likelihood of draws of q(z), and stay as they were if that does not raise it. A prior without
        weights, or a frozen one, stays as it is. Samplers that were fitted are fitted to x, or removed if x has too few
        examples.

        Args:
            x: training data [N, *x], in their support.
            steps: optimizer steps on draws of q(z).
            seed: random seed of draws and choices.
            progress: whether to show a progress bar.

        Returns:
            A sentence that says what was done.

        Raises:
            ValueError: `x` has another shape or support than the model's.
        """
        return refresh.refresh(self, x, steps, seed, progress)

    def save(self, *args, **kwargs):
        """Saves the model as Keras does, with low-rank updates merged and no part frozen."""
        with low_rank.ordinary(self):
            super().save(*args, **kwargs)

    def save_weights(self, *args, **kwargs):
        """Saves the weights as Keras does, with low-rank updates merged."""
        with low_rank.ordinary(self):
            super().save_weights(*args, **kwargs)

    def load_weights(self, *args, **kwargs):
        """Loads weights as Keras does; low-rank updates start from zero again."""
        super().load_weights(*args, **kwargs)
        low_rank.restart(self)

    def freeze(self, *roles: str) -> None:
        """Freezes parts: training changes neither their weights nor their moving statistics.

        A frozen BatchNormalization uses its moving statistics in training too, as Keras defines it. Call `compile`
        afterwards. Files do not say what was frozen: a saved model is loaded with all parts trainable and, if parts
        were frozen, not compiled.

        Args:
            *roles: names of parts, such as "encoder", "posterior", "prior", "decoder" and "likelihood".

        Raises:
            ValueError: there is no such part, it has no weights to train, or no weights would be left to train.
        """
        freezing.freeze(self, roles)

    def unfreeze(self, *roles: str) -> None:
        """Makes frozen parts trainable again, except for layers that were not trainable before `freeze`.

        Args:
            *roles: names of parts; none for all frozen ones.

        Raises:
            ValueError: there is no such part, or it has no weights to train.
        """
        freezing.unfreeze(self, roles)
