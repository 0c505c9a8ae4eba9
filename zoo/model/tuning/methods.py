"""The methods of the VAE for fine-tuning."""

from zoo.model.tuning import freezing


class TuningMethods:
    """Frozen parts."""

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
        return None if self.frozen else super().get_compile_config()

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
