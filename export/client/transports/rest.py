"""A connection by REST: HTTP and JSON, without TensorFlow."""

from http.client import HTTPException
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from export.client.transports.refusals import refusal
from export.client.transports.rest_json import answer, question
from export.client.transports.transport import LOOPBACK, Transport, Version, named
from zoo.commands.messages import words

CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
PASSING = (429, 502, 503, 504)
LONGEST_WAIT = 30  # seconds, whatever a server asks for
CONNECTIONS = 64  # kept open for threads that share a client


class Rest(Transport):
    """A connection by REST.

    Args:
        address: host and port, "localhost:8501", or a URL.
        rows: whether to send rows ("instances") instead of columns ("inputs"), which are shorter.
        **settings: see `Transport`.
    """

    def __init__(self, address="localhost:8501", *, rows=False, **settings):
        super().__init__(address if "//" in address else f"http://{address}", **settings)
        self.rows = rows
        self.session = requests.Session()
        self.session.trust_env = urlsplit(self.address).hostname not in LOOPBACK  # proxies do not lead back here
        policy = Retry(
            self.retries,
            backoff_factor=self.backoff,
            backoff_max=LONGEST_WAIT,
            retry_after_max=LONGEST_WAIT,
            status_forcelist=PASSING,
            allowed_methods=None,  # POST too: a repeated request changes nothing
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=policy))

    def close(self):
        self.session.close()

    def _status(self, model):
        body = self._ask(f"the status of {named(model, None)}", "GET", _path(model))
        for found in body.get("model_version_status", []):
            message = found.get("status", {}).get("error_message", "")
            yield Version(int(found["version"]), found["state"], message)

    def _definitions(self, model, version):
        asked = f"the signatures of {named(model, version)}"
        body = self._ask(asked, "GET", f"{_path(model, version)}/metadata")
        try:
            return body["metadata"]["signature_def"]["signature_def"]
        except (KeyError, TypeError) as error:
            raise refusal(self.address, asked, f"JSON without {error}", "INTERNAL") from error

    def _predict(self, model, version, signature, arrays, outputs, asked):
        body = question(signature, arrays, self.rows)
        body = self._ask(asked, "POST", f"{_path(model, version)}:predict", body)
        try:
            return answer(body, outputs)
        except ValueError as error:
            raise refusal(self.address, asked, error, "INTERNAL") from error

    def _ask(self, asked, method, path, body=None):
        """Returns the JSON object that the server answers with.

        Raises:
            ServerError: it answers with something else, or not at all.
        """
        try:
            reply = self.session.request(method, self.address.rstrip("/") + path, json=body, timeout=self.timeout)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise refusal(self.address, asked, *_reason(error)) from error
        except requests.RequestException as error:
            raise refusal(self.address, asked, error, "UNAVAILABLE") from error
        try:
            found = reply.json()
        except requests.JSONDecodeError:
            found = None
        if reply.ok and isinstance(found, dict):
            return found
        said = found.get("error") if isinstance(found, dict) else None
        said = said or f"an answer that is not TensorFlow Serving's, {reply.text[:100]!r}"
        raise refusal(self.address, asked, f"{words(said)} (HTTP {reply.status_code})", CODES.get(reply.status_code))


def _path(model, version=None):
    return f"/v1/models/{quote(model, safe='')}" + ("" if version is None else f"/versions/{version}")


def _reason(error):
    """Returns the root cause of an error, in words, and its code."""
    while below := error.__cause__ or error.__context__ or _within(error):
        error = below
    if isinstance(error, TimeoutError):
        return "no answer in time", "DEADLINE_EXCEEDED"
    if isinstance(error, HTTPException) and not isinstance(error, ConnectionError):
        return "an answer that is not HTTP", "UNAVAILABLE"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__, "UNAVAILABLE"


def _within(error):
    """Returns the error that another one wraps, as urllib3 does."""
    return next((part for part in error.args if isinstance(part, Exception)), None)
