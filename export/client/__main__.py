"""Ask a server of models of this zoo: `python -m export.client score photos --model vamp_vae --out scores.csv`."""

import tyro

from export.client.commands import Encode, Metadata, Reconstruct, Sample, Score, Status
from zoo.commands.endings import ended_by_a_sentence


def main(args=None, prog="python -m export.client"):
    """Runs the command.

    Args:
        args: its command line; None for the process's own.
        prog: how it is called, for its help.
    """
    with ended_by_a_sentence("nothing was written"):
        command = tyro.cli(
            Status | Metadata | Encode | Score | Sample | Reconstruct,
            args=args,
            prog=prog,
            description="Ask a TensorFlow Serving server of models of this zoo.",
        )
        command.check()
        with command.transport() as transport:
            command.run(transport)


if __name__ == "__main__":
    main()
