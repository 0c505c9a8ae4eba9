"""The error of a server that refuses, fails or does not answer, with what to do."""

from zoo.commands.endings import CommandError
from zoo.commands.messages import words

ADVICE = {
    "UNAVAILABLE": "Is it running there, with the model loaded? Start it with make serve, or name another with "
    "--address (REST is usually on port 8501, gRPC, by --grpc, on 8500).",
    "DEADLINE_EXCEEDED": "Raise --timeout, or lower --batch.",
    "RESOURCE_EXHAUSTED": "It is busy: try again later, or lower --batch.",
    "NOT_FOUND": "Name a served model with --model and --version.",
    "INVALID_ARGUMENT": "Compare what was sent with what the model takes, which the command metadata prints.",
}
OTHERWISE = "The server's log says more."


class ServerError(CommandError):
    """A server refused, failed or did not answer.

    Args:
        message: what was asked, of whom, and what to do.
        code: one of gRPC's status codes, such as "UNAVAILABLE".
    """

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


def refusal(address, asked, said, code):
    """Returns the error for what came in place of an answer.

    Args:
        address: address of the server.
        asked: the request, in words.
        said: the server's message, or what came in place of an answer.
        code: one of gRPC's status codes.

    Returns:
        A `ServerError`.
    """
    said = words(said)
    said = said if len(said) <= 300 else f"{said[:300]} …"
    return ServerError(f"Asked {address} for {asked}, got: {said}. {ADVICE.get(code, OTHERWISE)}", code)
