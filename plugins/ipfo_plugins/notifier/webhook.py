"""Notify by HTTP: one POST of one JSON object for each notice.

Any answer but 2xx is a failure; a redirect is one too, since it may lead a token astray. The URL
may be a secret by itself: errors name its host only. Proxies of the environment are not used.
"""

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from ipfo.plugin import Notice, Notifier, Offer, hookimpl
from ipfo_plugins._secret import DURATION, PATH, read_secret, seconds

SCHEMA = {
    "type": "object",
    "properties": {
        "url": {
            "type": "string",
            "pattern": r"^https?://[^\s/]+\S*$",
            "x-wanted": "an address such as https://ops.example/hook",
            "description": "Where notices are posted, http or https.",
        },
        "timeout": {**DURATION, "default": "10s", "description": "How long the server may take."},
        "headers": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": r"^[ -~]*$"},
            "propertyNames": {"pattern": r"^[A-Za-z0-9-]+$"},
            "default": {},
            "description": "Sent with each request. Secrets belong into token_file.",
        },
        "token_file": {
            **PATH,
            "description": "Its first line goes into Authorization: Bearer; only its owner may read it.",
        },
        "ca_file": {**PATH, "description": "Who is trusted instead of the system's authorities."},
    },
    "required": ["url"],
}

ANSWER_MAX = 64 << 10
"""Bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts to `url`; the key is in ``Idempotency-Key``, for a server that wants each once."""

    url: str
    timeout_s: float
    headers: Mapping[str, str]
    token_file: str | None
    ca_file: str | None

    def notify(self, notice: Notice) -> None:
        """POST `notice`; raises OSError if it was not taken."""
        place = urlsplit(self.url)
        headers = {
            **self.headers,
            "Content-Type": "application/json",
            "User-Agent": "ipfo",
            "Idempotency-Key": notice.key.encode("ascii", "backslashreplace").decode("ascii"),
        }
        if self.token_file is not None:
            headers["Authorization"] = f"Bearer {read_secret(self.token_file)}"
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        connection = self._connection(place.scheme, place.hostname or "", place.port)
        try:
            connection.request("POST", path, json.dumps(fields(notice)), headers)
            answer = connection.getresponse()
            answer.read(ANSWER_MAX)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise OSError(f"{place.scheme}://{place.hostname}: {_text(error)}") from None
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise OSError(
                f"{place.scheme}://{place.hostname} answered {answer.status} {answer.reason}"
            )

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self.timeout_s)
        context = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection(host, port, timeout=self.timeout_s, context=context)


def _text(error: Exception) -> str:
    """What to tell of `error`; the text of some would quote the path or a header."""
    quotes = isinstance(error, http.client.InvalidURL) or not isinstance(
        error, OSError | http.client.HTTPException
    )
    return type(error).__name__ if quotes else " ".join(str(error).split()) or type(error).__name__


def fields(notice: Notice) -> dict[str, Any]:
    """All that `notice` says, as JSON values."""
    return {
        key: value.value if isinstance(value, Enum) else value
        for key, value in asdict(notice).items()
    }


def build(options: Mapping[str, Any]) -> Webhook:
    """Build from a ``[[notifiers]]`` table that `SCHEMA` has passed."""
    place = urlsplit(options["url"])
    try:
        port = place.port
    except ValueError:
        port = 0
    if not place.hostname or port == 0:
        raise ValueError("url: it names no host, or a port that cannot be")
    if place.username is not None or place.password is not None:
        raise ValueError("url: no user or password in it; write a token_file")
    return Webhook(
        url=options["url"],
        timeout_s=seconds(options.get("timeout", "10s")),
        headers=options.get("headers", {}),
        token_file=options.get("token_file"),
        ca_file=options.get("ca_file"),
    )


@hookimpl
def ipfo_notifiers() -> Sequence[Offer[Notifier]]:
    """Offer the webhook."""
    return [Offer("webhook", build, SCHEMA)]
