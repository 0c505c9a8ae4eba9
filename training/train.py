"""Train a model, evaluate it, draw its report: `python -m training.train --model tril_vae --data digits`."""

import json
import math
import sys
import time

import keras
import tyro

import zoo
from training import run
from training.callbacks import Progress, WarmUp
from training.config import Config
from training.data import data_of
from training.errors import interruptible, one_sentence_errors
from training.evaluate import Settings, evaluate, finish


def main(args=None):
    """The command.

    Args:
        args: its words; None for the process's own.
    """
    with interruptible("starts over, or evaluates the model if it is trained"):
        run_command(args)


def run_command(args):
    """From the command's words to a finished run, or to a sentence on what is wrong with them."""
    with one_sentence_errors():
        config = tyro.cli(Config, args=args)
        zoo.recipe(config.model, **config.overrides)  # a misspelt model is named before anything is downloaded
        dataset = data_of(config)
        config = config.resolved(dataset)
        if run.is_finished(config):
            print(f"{config.folder} is trained already; --overwrite starts anew. Report: {config.folder / run.REPORT}")
            return
        if dataset.description:
            print(f"{dataset.description}\nlikelihood: {config.likelihood}")
        trained = run.is_trained(config)
        if not trained:
            vae = zoo.build(config.model, dataset.event_shape, dataset.support, seed=config.seed, **config.overrides)
            vae.adapt(dataset.train)
            dataset.steps(config.batch_size)
            folder = run.start(config)
    if not trained:
        print(zoo.describe(vae))
        train(config, dataset, vae, folder)
    evaluate_run(config, dataset)


def train(config, dataset, vae, folder):
    """From a new model to a trained one, not evaluated yet.

    Args:
        config: a `Config`.
        dataset: a `Dataset`.
        vae: the `zoo.VAE` to be trained.
        folder: where to write.
    """
    start = time.perf_counter()
    history = fit(config, dataset, vae, folder)
    zoo.save(vae, folder)
    scores = {"model": config.model, "data": config.data, "epochs": len(history["loss"])}
    scores |= {"training_seconds": round(time.perf_counter() - start, 1)}
    run.write(folder / run.SCORES, json.dumps(scores, indent=2) + "\n")


def evaluate_run(config, dataset):
    """From a trained model in its folder to a finished run.

    Args:
        config: a `Config`.
        dataset: a `Dataset`.
    """
    _, scores, history = run.read(config.folder)
    vae = zoo.load(config.folder)
    settings = Settings(config.samples, config.test_examples, generated=config.generated, seed=config.seed)
    scores |= evaluate(vae, dataset, settings)
    finish(config.folder, config, dataset, vae, history, scores)


def fit(config, dataset, vae, folder):
    """Trains the model.

    Args:
        config, dataset, vae, folder: see `train`.

    Returns:
        Keras's history: a dict of lists, a value an epoch.
    """
    steps = dataset.steps(config.batch_size)
    vae.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate, global_clipnorm=config.clip_norm),
        jit_compile=config.jit,
        steps_per_execution=min(config.steps_per_execution, steps),
    )
    callbacks = [
        WarmUp(config.warmup),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.CSVLogger(folder / run.HISTORY),
        keras.callbacks.TensorBoard(folder / run.EVENTS, write_graph=False),
        Progress(),
    ]
    if config.patience:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                "val_loss", patience=config.patience, start_from_epoch=config.warmup, restore_best_weights=True
            )
        )
    history = vae.fit(
        dataset.batches(config.batch_size, config.seed),
        steps_per_epoch=steps,
        epochs=config.epochs,
        validation_data=(dataset.validation,),
        validation_batch_size=min(500, len(dataset.validation)),
        callbacks=callbacks,
        shuffle=False,  # the batches come shuffled
        verbose=0,
    ).history
    if not all(math.isfinite(history[name][-1]) for name in ("loss", "val_loss")):
        sys.exit(f"error: the loss became infinite or NaN in epoch {len(history['loss'])}. Lower --learning-rate.")
    return history


if __name__ == "__main__":
    main()
