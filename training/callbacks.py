"""What happens around the epochs of a run."""

import keras
from tqdm import tqdm


class WarmUp(keras.callbacks.Callback):
    """Raises the weight of the KL from 0 to its full value: annealing = min(1, epoch / epochs), epochs counted from 1.

    (Bowman et al., 2016, arXiv:1511.06349; Sønderby et al., 2016, arXiv:1602.02282.)

    Args:
        epochs: how long it rises.
    """

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        self.model.objective.annealing.assign(min(1.0, (epoch + 1) / max(1, self.epochs)))

    def on_train_end(self, logs=None):
        self.model.objective.annealing.assign(1.0)

    def on_epoch_end(self, epoch, logs=None):
        logs["annealing"] = float(self.model.objective.annealing.numpy())


class Progress(keras.callbacks.Callback):
    """A progress bar over all epochs, with the newest losses beside it."""

    def on_train_begin(self, logs=None):
        self.bar = tqdm(total=self.params["epochs"], desc="training", unit="epoch")

    def on_epoch_end(self, epoch, logs=None):
        shown = ("loss", "kl", "val_loss", "val_kl")
        self.bar.set_postfix({name: f"{logs[name]:.2f}" for name in shown if name in logs}, refresh=False)
        self.bar.update()

    def on_train_end(self, logs=None):
        self.bar.close()
