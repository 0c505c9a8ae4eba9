"""Keras callbacks that do in `fit` what the training command does between epochs.

    vae = zoo.build("tril_vae", x_train.shape[1:], "binary")
    vae.adapt(x_train)
    vae.compile(keras.optimizers.Adam(1e-3, global_clipnorm=100.0))
    best = keras.callbacks.EarlyStopping("val_loss", patience=100, restore_best_weights=True, start_from_epoch=60)
    vae.fit(
        x_train,
        batch_size=100,
        epochs=300,
        validation_data=(x_validation,),
        callbacks=[zoo.callbacks.KLWarmup(60), best],
    )

trains with the settings of `make train MODEL=tril_vae`. Validation uses the same seeds in each epoch; to reduce the
noise of few validation examples, repeat them: np.repeat(x_validation, 10, axis=0).

The command's `--ema 0.999` is `zoo.Adam(1e-3, global_clipnorm=100.0, use_ema=True, ema_momentum=0.999)` with
`keras.callbacks.SwapEMAWeights(swap_on_epoch=True)` before `best`: the average is validated, and its best weights are
restored (if early stopping does not restore any, Keras ends with the last weights in place of the average). Without
these callbacks Keras validates the last weights, and replaces them by the average when `fit` ends.
For `--lr-schedule`, give the optimizer one of `keras.optimizers.schedules`; Keras then refuses callbacks that set the
learning rate, such as ReduceLROnPlateau.
"""

import keras

from zoo.checks import check_int


class KLWarmup(keras.callbacks.Callback):
    """A linear warm-up of the weight of the KL over the first epochs (Sønderby et al., 2016, arXiv:1602.02282).

    The objective's `annealing` is min(1, e / epochs) in epoch e = 1, 2, …, and 1 after training.

    Args:
        epochs: number of epochs until the KL has its full weight; 0 or 1 for no warm-up.

    Raises:
        ValueError: `epochs` is not an integer, or negative.
    """

    def __init__(self, epochs: int):
        super().__init__()
        self.epochs = check_int(epochs, "epochs", minimum=0)

    def on_epoch_begin(self, epoch, logs=None):
        self.model.objective.annealing.assign(annealing(epoch, self.epochs))

    def on_train_end(self, logs=None):
        self.model.objective.annealing.assign(1.0)


def annealing(epoch: int, warmup: int) -> float:
    """Returns the weight of the KL in an epoch of a linear warm-up.

    Args:
        epoch: index of the epoch, from 0.
        warmup: number of epochs until the weight is 1; 0 or 1 for no warm-up.
    """
    return min(1.0, (epoch + 1) / max(1, warmup))
