"""Train a model, evaluate it, draw its report: `python -m training.train --model tril_vae --data digits`."""

import tyro

from training.config import Config
from training.data.names import check_name
from training.endings import explain
from zoo.catalog import recipe
from zoo.commands.endings import ended_by_a_sentence
from zoo.commands.quiet import import_tensorflow
from zoo.commands.xla_flags import set_xla_flags


def main(args=None, prog="python -m training.train"):
    """Runs the command.

    Args:
        args: its command line; None for the process's own.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("the same command resumes", explain):
        config = tyro.cli(Config, args=args, prog=prog)
        recipe(config.model)  # refuses an unknown name before TensorFlow is imported, as the next line does
        check_name(config.data)
        set_xla_flags()
        import_tensorflow()
        from training import run

        run.train_and_evaluate(config)


if __name__ == "__main__":
    main()
