"""Train a recipe and compare with the published figure: `python -m training.reproduce recipes/tril_vae-digits.json`."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from training.config import Strategy
from training.endings import explain
from training.recipes import TrainingRecipe
from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.quiet import import_tensorflow
from zoo.commands.xla_flags import set_xla_flags


@dataclass(frozen=True)
class ReproduceCommand:
    """Train and evaluate the model of a recipe, and compare its log-likelihood with the published figure, if any."""

    recipe: tyro.conf.Positional[Path]
    """File of the recipe."""
    out: str | None = None
    """Folder to write the run to; unset, runs/<name of the recipe>, with the seed if another is given."""
    seed: int | None = None
    """Random seed; unset, the recipe's."""
    data_dir: str | None = None
    """Folder with the original data files; unset, ZOO_DATA_DIR, else a cache folder and a download."""
    strategy: Strategy = "auto"
    """Devices to train on, as for training."""
    checkpoint_minutes: float = 5.0
    """Save a checkpoint every this many minutes; the same command resumes from the last one."""


def main(args=None, prog="python -m training.reproduce"):
    """Runs the command.

    Args:
        args: its command line; None for the process's own.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("the same command resumes", explain):
        command = tyro.cli(ReproduceCommand, args=args, prog=prog)
        recipe = TrainingRecipe.read(command.recipe)
        places = {name: getattr(command, name) for name in ("seed", "data_dir", "strategy", "checkpoint_minutes")}
        seeded = "" if command.seed is None else f"-{command.seed}"
        config = recipe.config(**places, out=command.out or f"runs/{recipe.name}{seeded}")
        set_xla_flags()
        import_tensorflow()
        from training import run, run_folder
        from training.evaluation.scores import RunScores

        run.train_and_evaluate(config)
        found = RunScores.read(config.folder / run_folder.SCORES).evaluation.likelihood.log_likelihood
        if recipe.published is not None:
            print(recipe.published.compare(found))


if __name__ == "__main__":
    main()
