"""Ask a server of this zoo's models: `python -m export.client score photos --model vamp_vae --out scores.csv`."""

import tyro

from export.client.commands import Encode, Metadata, Reconstruct, Sample, Score, Status
from export.errors import ended_by_a_sentence


def main(args=None):
    """The command.

    Args:
        args: its words; None for the process's own.
    """
    with ended_by_a_sentence("nothing was written"):
        command = tyro.cli(
            Status | Metadata | Encode | Score | Sample | Reconstruct,
            args=args,
            prog="python -m export.client",
            description="Ask a server of TensorFlow Serving that serves models of this zoo.",
        )
        command.check()
        with command.transport() as transport:
            command.run(transport)


if __name__ == "__main__":
    main()
