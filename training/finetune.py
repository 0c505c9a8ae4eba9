"""Fine-tune a trained model: `python -m training.finetune --base tril_vae-digits --data my.npz`."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from training.config import Config
from training.data.files.folders import printable
from training.endings import explain
from training.finetuning.base import Base
from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.quiet import import_tensorflow
from zoo.commands.xla_flags import set_xla_flags

ROLES = ("posterior", "prior", "likelihood", "objective")  # parts that may be replaced


@dataclass(frozen=True)
class FinetuneCommand(Config):
    """Fine-tune a trained model on other data, evaluate it, and say what was gained and what was forgotten.

    Columns of tables are matched by name; images of another size get new first and last layers.
    """

    base: str = ""
    """Model to start from: the name of a preset, the folder of a preset or of a run, or hf://owner/name[@revision]."""
    train: str = "all"
    """What to train: all, decoder, encoder, head (the last layers of encoder and decoder), prior or "lora(rank=8)"; the
    rest is frozen."""
    keep_units: bool = False
    """Standardize real data by the mean and scale of the earlier training data, not by those of the new ones; always
    with a frozen encoder."""
    fill_missing: Literal["mean"] | None = None
    """Value for columns that the new data lack: mean, that of the earlier training data; unset, they are refused."""
    refresh_prior: Literal["auto", "no"] = "auto"
    """Fit the prior to the codes of the new data before the first step: auto unless --train freezes it, or no."""
    compare_scratch: bool = False
    """Train a new model on the new data alone too, for as many epochs, and compare."""
    ema: float = 0.99
    """Momentum per step of an exponential moving average of the weights; the average is what is validated, saved and
    evaluated; 0 for none."""
    model: Annotated[str, tyro.conf.Suppress] = ""
    latent: Annotated[int | None, tyro.conf.Suppress] = None
    network: Annotated[str | None, tyro.conf.Suppress] = None

    @property
    def folder(self):
        """The folder that the run is written to, a path."""
        data = printable(Path(self.data).resolve().stem)
        return Path(self.out or f"runs/{printable(Path(self.base).name)}-{data}").expanduser()


def main(args=None, prog="python -m training.finetune"):
    """Runs the command.

    Args:
        args: its command line; None for the process's own.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("the same command resumes", explain):
        command = tyro.cli(FinetuneCommand, args=args, prog=prog)
        if not command.base:
            raise ValueError(
                "Expected a model to start from, --base <preset or folder>, or make finetune MODEL=<preset or folder>."
            )
        set_xla_flags()
        import_tensorflow()
        from training import run
        from training.finetuning import account, scratch

        config = settled(command)
        if command.compare_scratch:
            scratch.check(config)
            run.train_and_evaluate(
                config,
                between=lambda config: run.train_and_evaluate(scratch.config(config)),
                is_complete=lambda config: account.is_compared(config.folder),
            )
        else:
            run.train_and_evaluate(config)


def settled(command):
    """Returns the `Config` of a fine-tuning, with the parts of the model that it starts from; prints what is known.

    Args:
        command: the `FinetuneCommand`.

    Raises:
        FileNotFoundError, ValueError, KeyError, ImportError: there is no such model, or its data are of other columns.
    """
    from training.finetuning.scratch import scratch_folder
    from training.finetuning.start import Start
    from zoo.registry import spec_of

    start = Start.of(command.base)
    print(f"{command.base}: {start.vae.name}" + (f", {start.scores}" if start.scores else ""))
    for taken in (command.folder, scratch_folder(command)):
        if taken.resolve() == Path(command.base).expanduser().resolve():
            raise ValueError(f"The folder of the new run is that of the model, '{taken}'. Name another one with --out.")
    given = {role: getattr(command, role) for role in ROLES if getattr(command, role) is not None}
    parts = {role: spec_of(getattr(start.vae, role)) for role in ROLES} | given
    settings = {field.name: getattr(command, field.name) for field in fields(Config)}
    settings |= parts | {"model": start.vae.name, "latent": start.vae.latent_size, "out": str(command.folder)}
    if start.config is not None:
        same = command.warmup is None and start.config.data == command.data
        # Of the same data, the KL need not be warmed up again.
        settings |= {"network": start.config.network} | ({"warmup": 0} if same else {})
    base = _base(command, start.checksum, given or None)
    return with_data(Config(**settings | {"base": base}), start, command.fill_missing)


def _base(command, checksum, replaced):
    """Returns the `Base` of a fine-tuning: what is frozen keeps its units and its prior."""
    base = Base(command.base, checksum, command.train, replaced=replaced)
    keep_units = command.keep_units or "encoder" not in base.trained
    refresh_prior = command.refresh_prior == "auto" and "prior" in base.trained
    return replace(base, keep_units=keep_units, refresh_prior=refresh_prior)


def with_data(config, start, fill):
    """Returns a config by which the new data are read as the model takes them, and says what was changed.

    Columns are those of the model, by name; gray levels are binarized for a model of zeros and ones.

    Args:
        config: the `Config`.
        start: the `Start`.
        fill: see `FinetuneCommand.fill_missing`.

    Raises:
        ValueError: the data have other columns.
    """
    from training.data.columns import names_of
    from training.finetuning.alignment import align, binarized_as, means_of

    columns, found = start.columns, names_of(config)
    if columns is None:
        if found is not None:
            print(f"'{config.base.model}' has no names of columns: the new ones are taken in their order")
        earlier = start.config and start.config.binarize
        return config if config.binarize else binarized_as(config, start.vae.support, earlier)
    if config.columns is not None:
        raise ValueError(f"--columns is left out here: the columns are those of '{config.base.model}', by name.")
    if found is None:
        raise ValueError(
            f"'{config.base.model}' was trained on columns with names, and the new data have none. Save them as .csv "
            f"with a line of names."
        )
    columns, filled, sentences = align(columns, found, means_of(start.vae), fill)
    for sentence in sentences:
        print(sentence)
    return replace(config, columns=columns, filled=filled)


if __name__ == "__main__":
    main()
