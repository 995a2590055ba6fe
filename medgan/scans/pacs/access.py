"""How we show who we are, and make sure who the archive is: title, TLS, user and password."""

from __future__ import annotations

import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

from medgan.errors import UsageError


@dataclass(frozen=True)
class Tls:
    """Files of TLS, all PEM.

    Parameters
    ----------
    ca
        Certificates that are trusted; None: the usual authorities.
    certificate, key
        Who we are, where the archive asks; the key may stand in the certificate's file.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_given(self) -> bool:
        """Some file was named."""
        return any((self.ca, self.certificate, self.key))

    def context(self) -> ssl.SSLContext:
        """Return a client context: TLS 1.2 or newer, certificate and host name checked.

        Raises
        ------
        UsageError
            If a file is not there, or is not what it should be.
        """
        if self.key is not None and self.certificate is None:
            raise UsageError("a TLS key was given without its certificate", hint="Add --tls-cert.")
        for path in (self.ca, self.certificate, self.key):
            if path is not None and not path.is_file():
                raise UsageError(
                    "there is no such file",
                    where=str(path),
                    hint="--tls-ca, --tls-cert and --tls-key each name a PEM file.",
                )
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (ssl.SSLError, OSError):
            raise UsageError(
                "is no PEM certificate",
                where=str(self.ca),
                hint="Convert it: openssl x509 -inform DER -in FILE -out ca.pem",
            ) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            self._load_ours(context, self.certificate)
        return context

    def _load_ours(self, context: ssl.SSLContext, certificate: Path) -> None:
        try:
            # An empty password: without one, a locked key would be asked for on the terminal.
            context.load_cert_chain(certificate, self.key, password="")
        except (ssl.SSLError, OSError):
            raise UsageError(
                "the certificate and its key do not make a pair that can be read",
                where=str(certificate),
                hint="Both have to be PEM, and the key without a pass phrase.",
            ) from None


@dataclass(frozen=True)
class Credentials:
    """What a web server asks for; never part of a representation that may be printed."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def header(self) -> str:
        """Return the value of the Authorization header (RFC 6750, RFC 7617); may be empty."""
        if self.token:
            return f"Bearer {self.token}"
        if not self.user:
            return ""
        return f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True)
class Access:
    """All of it together.

    Parameters
    ----------
    calling_aet
        The title that we go by; many archives answer known titles only.
    timeout_s
        Longest wait for a connection or for the next piece of an answer.
    """

    calling_aet: str = "MEDGAN"
    timeout_s: float = 30.0
    tls: Tls = Tls()
    credentials: Credentials = Credentials()
