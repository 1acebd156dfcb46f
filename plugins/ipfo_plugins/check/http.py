"""A check by HTTP: one GET, an answer with a status that was expected, and perhaps a text in it.

No redirect is followed: where it leads to is not this service, and a 3xx is an answer like others.
Everything, the name of the host too, must be done within the one timeout; a name server that hangs
costs half of it, and then the addresses count that were known before. Proxies of the environment
are not used.
"""

import http.client
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from ipfo.plugin import Check, Instant, Offer, hookimpl, now
from ipfo_plugins import _secret
from ipfo_plugins._hurried import Names, connect
from ipfo_plugins._secret import PATH, read_authorities
from ipfo_plugins._text import for_people

SCHEMA = {
    "type": "object",
    "properties": {
        "url": {
            "type": "string",
            "pattern": r"^https?://[^\s/?#]+[!-~]*$(?!\n)",
            "x-wanted": "an address such as http://127.0.0.1/health",
            "x-host": True,
            "description": "What is asked for, http or https. An address is better than a name.",
        },
        "status": {
            "type": "string",
            "pattern": r"^[1-5][0-9]{2}(-[1-5][0-9]{2})?$(?!\n)",
            "x-wanted": 'a status such as "200", or a range such as "200-399"',
            "default": "200-399",
            "description": "What is well. A redirect is not followed: it is an answer.",
        },
        "contains": {
            "type": "string",
            "minLength": 1,
            "description": "This text must be in the answer, within its first 256 KiB. Without it"
            " only the head of the answer is read.",
        },
        "host": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9._:\[\]-]+$(?!\n)",
            "x-wanted": "the name of a host, such as www.example.org",
            "description": "The name to ask for, in the Host header and in TLS, where the url has"
            " an address.",
        },
        "ca_file": {**PATH, "description": "Who is trusted instead of the system's authorities."},
    },
    "required": ["url"],
}

BODY_MAX: Final = 256 << 10
"""Bytes of an answer in which `contains` is looked for."""


class Http:
    """Asks `url`; the options are those of `SCHEMA`, complete."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        place = urlsplit(options["url"])
        self._title = f"{place.scheme}://{place.netloc}{place.path}"  # a query may be a secret
        self._names = Names(place.hostname or "")
        self._secure = place.scheme == "https"
        self._port = place.port or (443 if self._secure else 80)
        self._path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        first, _, last = options["status"].partition("-")
        self._well = range(int(first), int(last or first) + 1)
        self._wanted = options["status"]
        self._contains = options.get("contains", "").encode()
        self._host: str = options.get("host", place.netloc)
        # whom the other end must be by its certificate
        self._server_name = urlsplit(f"//{self._host}").hostname
        self._ca_file = options.get("ca_file")
        self._tls: ssl.SSLContext | None = None

    def check(self, timeout_s: float) -> None:
        """Return if the answer was as expected within `timeout_s`; raises OSError if not."""
        until = Instant(now() + int(timeout_s * 1e9))
        try:
            why = self._ask(until)
        except TimeoutError:
            why = f"no whole answer within {timeout_s:g} s"
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._tls = None  # what it was made of may have been mended meanwhile
            why = _words(error)
        if why is not None:
            raise OSError(f"{self._title}: {why}")

    def _ask(self, until: Instant) -> str | None:
        """What is wrong with the answer, None if it is as it should be."""
        headers = {"Host": self._host, "User-Agent": "ipfo", "Accept": "*/*", "Connection": "close"}
        connection = connect(self._names, self._port, self._context(), until, self._server_name)
        try:
            connection.request("GET", self._path, headers=headers)
            with connection.getresponse() as answer:
                said = for_people(f"{answer.status} {answer.reason}")
                if answer.status not in self._well:
                    return f"the answer was {said}, not {self._wanted}"
                if not _has(answer, self._contains):
                    return f'the answer was {said}, but "{self._contains.decode()}" is not in it'
        finally:
            connection.close()
        return None

    def _context(self) -> ssl.SSLContext | None:
        """Made once: to read all of the system's authorities takes a while."""
        if self._secure and self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._ca_file)
        return self._tls


def _has(answer: http.client.HTTPResponse, wanted: bytes) -> bool:
    """Whether `wanted` is in the body; what comes after it is not waited for."""
    body = bytearray()
    begin = 0
    while body.find(wanted, begin) < 0:
        begin = max(0, len(body) - len(wanted))
        portion = answer.read1(BODY_MAX - len(body)) if len(body) < BODY_MAX else b""
        if not portion:
            return False
        body += portion
    return True


def _words(error: Exception) -> str:
    """What to tell of `error`; what a stranger sent is in some of them."""
    text = error.strerror if isinstance(error, OSError) else None
    return for_people(text or str(error)) or type(error).__name__


def build(options: Mapping[str, Any]) -> Http:
    """Build from a ``[[groups.NAME.checks]]`` table that `SCHEMA` has passed."""
    try:
        place = urlsplit(options["url"])
        sound = bool(place.hostname) and place.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("url: it names no host, or a port that cannot be")
    if place.username is not None or place.password is not None:
        raise ValueError("url: no user or password in it; ask for a page that needs none")
    first, _, last = options["status"].partition("-")
    if last and int(last) < int(first):
        raise ValueError(f'status: "{first}-{last}" holds nothing; the smaller one goes first')
    return Http(options)


def lacks(options: Mapping[str, Any]) -> list[str]:
    """The file of authorities, if it is not here."""
    return _secret.lacks(options.get("ca_file"), read_authorities)


@hookimpl
def ipfo_checks() -> Sequence[Offer[Check]]:
    """Offer the check by HTTP."""
    return [Offer("http", build, SCHEMA, lacks=lacks)]
