"""An authority of a test's own, and what it signs: for a server, and for a client without a name."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """Signs certificates; its own is at `ca`, and all of its files are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's authority")])
        made = self._begun(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.ca = self._write("ca.pem", made.sign(self._key, hashes.SHA256()))

    def sign(self, name: str, addresses: Sequence[str] = ()) -> tuple[Path, Path]:
        """A certificate and its key, for a server at `addresses`, else for a client.

        etcd's gateway asks etcd with the server's certificate, so that must do for a client, too.
        The subject has no common name: the gateway refuses clients that have one.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        begun = self._begun(subject, key)
        if addresses:
            uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
            names = [x509.IPAddress(ip_address(each)) for each in addresses]
            begun = begun.add_extension(x509.SubjectAlternativeName(names), critical=False)
        begun = begun.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        key_file = self._folder / f"{name}.key"
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        signed = begun.sign(self._key, hashes.SHA256())
        return self._write(f"{name}.pem", signed), key_file

    def _begun(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self._folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path
