"""Notify by mail: one message for each notice, whose Message-ID is the notice's key.

What a server refuses is a failure, and trying again is ipfo's business. A message that some
recipients have got is tried again for the others only; those whom the server refuses for good are
given up after `TRIES_MAX` tries, so that one wrong address does not hold up what comes after.
"""

import re
import smtplib
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from ipfo.plugin import Notice, Notifier, Offer, hookimpl
from ipfo_plugins._secret import DURATION, PATH, read_secret, seconds

ADDRESS = {"type": "string", "pattern": r"^[^\s@<>,;:\"\\()\[\]]+(@[^\s@<>,;:\"\\()\[\]]+)?$"}

SCHEMA = {
    "type": "object",
    "properties": {
        "to": {
            "type": "array",
            "items": ADDRESS,
            "minItems": 1,
            "description": "Who is written to.",
        },
        "from": {**ADDRESS, "description": "The sender; absent: ipfo at this host's full name."},
        "server": {
            "type": "string",
            "minLength": 1,
            "default": "localhost",
            "description": "The mail server that takes the mail.",
        },
        "port": {
            "type": "integer",
            "minimum": 1,
            "maximum": 65535,
            "description": 'Absent: 25; 587 with tls = "starttls", 465 with tls = "tls".',
        },
        "tls": {
            "enum": ["none", "starttls", "tls"],
            "default": "none",
            "description": "Encrypt from the beginning (tls), after asking (starttls), or not.",
        },
        "user": {
            "type": "string",
            "minLength": 1,
            "description": "Log in as this user. Absent: no login.",
        },
        "password_file": {
            **PATH,
            "description": "Its first line is the password; only its owner may read it.",
        },
        "ca_file": {**PATH, "description": "Who is trusted instead of the system's authorities."},
        "timeout": {**DURATION, "default": "10s", "description": "How long the server may take."},
    },
    "required": ["to"],
}

PORTS = {"none": 25, "starttls": 587, "tls": 465}

TRIES_MAX = 3
"""How often recipients are tried whom the server refuses for good while it takes others."""

PARTIAL_MAX = 100
"""Notices of which some recipients are still to be told."""


@dataclass(slots=True)
class Mail:
    """Writes to `to` by way of `server`. Connects for each notice, so nothing is left open."""

    to: tuple[str, ...]
    sender: str | None
    server: str
    port: int
    tls: str
    user: str | None
    password_file: str | None
    ca_file: str | None
    timeout_s: float
    _partial: dict[str, dict[str, int]] = field(default_factory=dict)  # key: recipient: tries

    def notify(self, notice: Notice) -> None:
        """Send it; raises OSError, which names the recipients that did not get it."""
        tries = self._partial.get(notice.key, dict.fromkeys(self.to, 0))
        refused = self._send(self.message(notice), tuple(tries))
        said = "; ".join(f"{who}: {_answer(*answer)}" for who, answer in refused.items())
        if notice.key not in self._partial and len(refused) == len(self.to):
            raise OSError(f"{self.server} refuses all recipients: {said}")
        left = {
            recipient: tries[recipient] + (code >= 500)
            for recipient, (code, _) in refused.items()
            if tries[recipient] + (code >= 500) < TRIES_MAX
        }
        self._partial.pop(notice.key, None)
        if left:
            self._partial[notice.key] = left
            while len(self._partial) > PARTIAL_MAX:
                del self._partial[next(iter(self._partial))]
            raise OSError(f"{self.server} refuses some recipients: {said}")
        if refused:
            sys.stderr.write(f"smtp: given up for notice {notice.key}: {said}\n")

    def _send(
        self, message: EmailMessage, recipients: Sequence[str]
    ) -> Mapping[str, tuple[int, bytes]]:
        """Who was refused; the others have it. Raises OSError for anything else."""
        try:
            with self._connect() as smtp:
                return smtp.send_message(message, to_addrs=recipients)
        except smtplib.SMTPRecipientsRefused as error:
            return error.recipients
        except smtplib.SMTPAuthenticationError as error:  # its text may quote what we sent
            raise OSError(
                f"{self.server} refuses the login of {self.user} (code {error.smtp_code})"
            ) from None
        except smtplib.SMTPResponseException as error:
            answer = _answer(error.smtp_code, error.smtp_error)
            raise OSError(f"{self.server}: {answer}") from None
        except (OSError, ValueError) as error:
            raise OSError(f"{self.server} port {self.port}: {error}") from None

    def _connect(self) -> smtplib.SMTP:
        smtp: smtplib.SMTP
        if self.tls == "tls":
            context = ssl.create_default_context(cafile=self.ca_file)
            smtp = smtplib.SMTP_SSL(self.server, self.port, timeout=self.timeout_s, context=context)
        else:
            smtp = smtplib.SMTP(self.server, self.port, timeout=self.timeout_s)
        try:
            if self.tls == "starttls":
                smtp.starttls(context=ssl.create_default_context(cafile=self.ca_file))
            if self.user is not None and self.password_file is not None:
                smtp.login(self.user, read_secret(self.password_file))
        except BaseException:
            smtp.close()
            raise
        return smtp

    def message(self, notice: Notice) -> EmailMessage:
        """The mail that tells `notice`; the same notice gives the same mail."""
        sender = self.sender or f"ipfo@{socket.getfqdn()}"
        domain = sender.partition("@")[2] or "localhost"
        mail = EmailMessage(SMTP.clone(cte_type="7bit"))  # not every server takes 8 bits
        mail["Date"] = format_datetime(_instant(notice.at))
        mail["Message-ID"] = f"<{_atom(notice.key)}@{_atom(domain)}>"
        mail["From"] = sender
        mail["To"] = ", ".join(self.to)
        mail["Subject"] = subject(notice)
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Ipfo-Event"] = notice.event.value
        mail.set_content(body(notice))
        return mail


def subject(notice: Notice) -> str:
    """Which pair, what happened, why, under which claim: in one line."""
    facts = []
    if notice.reason is not None:
        facts.append(notice.reason.value)
    if notice.group is not None and notice.epoch:
        facts.append(f"epoch {notice.epoch}")
    why = f" ({', '.join(facts)})" if facts and "(" not in notice.headline else ""
    return _line(f"[ipfo {notice.pair}] {notice.headline}{why}")


def body(notice: Notice) -> str:
    """All that the notice says."""
    facts = {
        "Event": notice.event.value,
        "Pair": notice.pair,
        "Group": notice.group,
        "Told by": notice.node,
        "Its peer": notice.peer,
        "Its role": None if notice.role is None else notice.role.value,
        "Epoch": str(notice.epoch) if notice.epoch else None,
        "Reason": None if notice.reason is None else notice.reason.value,
        "At": notice.at,
        "Notice": notice.key,
    }
    lines = [f"{name + ':':10}{_line(fact)}" for name, fact in facts.items() if fact is not None]
    detail = "\n".join(_line(line) for line in notice.detail.splitlines())
    parts = [_line(notice.headline), detail, "\n".join(lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(text: str) -> str:
    """`text` as one line without control characters, so that it cannot begin another header."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.encode("utf-8", "replace").decode("utf-8").split())


def _atom(text: str) -> str:
    """`text` as part of a Message-ID; different texts stay different."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda c: f"_{ord(c[0]):x}_", text) or "_"


def _instant(at: str) -> datetime:
    try:
        return datetime.fromisoformat(at).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)


def _answer(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"


def _is_here(server: str) -> bool:
    return server == "localhost" or server.startswith("127.") or server == "::1"


def build(options: Mapping[str, Any]) -> Mail:
    """Build from a ``[[notifiers]]`` table that `SCHEMA` has passed."""
    user, password_file = options.get("user"), options.get("password_file")
    tls, server = options.get("tls", "none"), options.get("server", "localhost")
    if (user is None) != (password_file is None):
        raise ValueError("user and password_file: give both or neither")
    if user is not None and tls == "none" and not _is_here(server):
        raise ValueError(
            f'tls: a password would go to {server} in the clear; write tls = "starttls" or "tls"'
        )
    return Mail(
        to=tuple(dict.fromkeys(options["to"])),
        sender=options.get("from"),
        server=server,
        port=options.get("port", PORTS[tls]),
        tls=tls,
        user=user,
        password_file=password_file,
        ca_file=options.get("ca_file"),
        timeout_s=seconds(options.get("timeout", "10s")),
    )


@hookimpl
def ipfo_notifiers() -> Sequence[Offer[Notifier]]:
    """Offer mail."""
    return [Offer("smtp", build, SCHEMA)]
