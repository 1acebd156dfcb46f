"""A mail server for tests: a real one (aiosmtpd) in a thread of this process, with TLS and login."""

import asyncio
import ssl
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "ipfo-user", "correct horse"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A throw-away certificate for localhost that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


class Sink:
    """Takes mail at `port` of 127.0.0.1 while entered; `refuse` maps recipients to answers."""

    def __init__(
        self, *, cert: tuple[Path, Path] | None = None, tls: str = "none", login: bool = False
    ) -> None:
        self.refuse: dict[str, str] = {}
        self.envelopes: list[tuple[tuple[str, ...], EmailMessage]] = []
        self.secure: list[bool] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._context = None
        if cert is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*cert)
        self._tls = tls
        self._login = login
        self._server: asyncio.Server | None = None

    def messages(self) -> list[EmailMessage]:
        """All that came, oldest first."""
        return [message for _, message in self.envelopes]

    def texts(self) -> list[str]:
        """All that came, headers and bodies decoded."""
        return [
            "\n".join(f"{k}: {v}" for k, v in m.items()) + "\n\n" + str(m.get_content())
            for m in self.messages()
        ]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content
        assert isinstance(content, bytes)
        self.envelopes.append(
            (tuple(envelope.rcpt_tos), message_from_bytes(content, policy=default))
        )
        self.secure.append(session.ssl is not None or self._tls == "tls")
        return "250 OK"

    def _authenticate(self, _s: Any, _session: Any, _e: Any, _m: Any, data: Any) -> AuthResult:
        well = data == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=well, handled=well)

    def _make(self) -> SMTP:
        return SMTP(
            self,
            hostname="sink.example",
            tls_context=self._context if self._tls == "starttls" else None,
            require_starttls=self._tls == "starttls",
            auth_required=self._login,
            auth_require_tls=self._tls == "starttls",
            authenticator=self._authenticate,
            loop=self._loop,
        )

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _open(self) -> asyncio.Server:
        context = self._context if self._tls == "tls" else None
        return await self._loop.create_server(self._make, "127.0.0.1", 0, ssl=context)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def __enter__(self) -> "Sink":
        self._thread.start()
        self._server = self._do(self._open())
        assert self._server is not None
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
