"""What a server answers in place of an outcome, in words on what to do."""

from export.errors import ServerError, words

ADVICE = {
    "UNAVAILABLE": "Is it running there, with the model loaded? Start it with make serve, or name another with "
    "--address (REST is usually on port 8501, gRPC, by --grpc, on 8500).",
    "DEADLINE_EXCEEDED": "Give it more time with --timeout, or fewer rows at once with --batch.",
    "RESOURCE_EXHAUSTED": "It is busy: try again later, or send fewer rows at once with --batch.",
    "NOT_FOUND": "Name what it serves with --model and --version.",
    "INVALID_ARGUMENT": "Compare what was sent with what the model takes, which the command metadata prints.",
}
OTHERWISE = "The server's log says more."


def refusal(address, asked, said, code):
    """The error for an answer that is none.

    Args:
        address: the server's.
        asked: what was asked of it, in words.
        said: what it said, or what came in place of an answer.
        code: why, as one of gRPC's status codes.

    Returns:
        A `ServerError`.
    """
    said = words(said)
    said = said if len(said) <= 300 else f"{said[:300]} …"
    return ServerError(f"Asked {address} for {asked}, got: {said}. {ADVICE.get(code, OTHERWISE)}", code)
