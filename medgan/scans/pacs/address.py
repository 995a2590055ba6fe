"""Where an archive is: `dicom://AET@host:port`, `dicoms://AET@host:port` or an http(s) address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from medgan.errors import UsageError

DICOM_PORT, DICOM_TLS_PORT = 104, 2762
"""Well-known ports of PS3.8 section 9.1.1 and PS3.15 annex B."""
MAX_AET = 16

_HINT = "Write dicom://AET@host:port, dicoms://AET@host:port (TLS) or https://host/dicom-web."


@dataclass(frozen=True)
class Address:
    """One archive.

    Parameters
    ----------
    aet
        Title that a DICOM node goes by; empty for DICOMweb.
    url
        The whole address, fit to be printed: it never holds a user or password.
    is_tls
        Everything goes encrypted or not at all.
    """

    host: str
    port: int
    url: str
    aet: str = ""
    is_tls: bool = False

    @property
    def is_web(self) -> bool:
        """DICOMweb, not DICOM's own protocol."""
        return not self.aet


def parse_address(text: str) -> Address:
    """Read an address as it stands on the command line.

    Raises
    ------
    UsageError
        If it is none, or holds a user or password; the password is not repeated in the message.
    """
    try:
        parts = urlsplit(text.strip())
        port, host = parts.port, parts.hostname
    except ValueError:
        raise UsageError("the address cannot be read", hint=_HINT) from None
    if parts.scheme not in ("dicom", "dicoms", "http", "https") or not host:
        raise UsageError("the address is of no kind that is known", hint=_HINT)
    if parts.scheme.startswith("http"):
        return _web_address(parts, host, port)
    return _node_address(parts, host, port)


def check_aet(aet: str, what: str) -> str:
    """Return an application entity title without its outer blanks (PS3.5 table 6.2-1, VR AE).

    Raises
    ------
    UsageError
        If it is empty, longer than 16 characters, or holds a backslash or odd characters.
    """
    title = aet.strip()
    is_plain = title.isascii() and title.isprintable() and "\\" not in title
    if not title or len(title) > MAX_AET or not is_plain:
        raise UsageError(
            f"{what} has to be 1 to {MAX_AET} plain characters, found {len(title)}",
            hint="Ask who runs the archive which titles it knows.",
        )
    return title


def _web_address(parts: SplitResult, host: str, port: int | None) -> Address:
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "a user or password must not stand in the address",
            hint="Others can read it there. Set MEDGAN_PACS_USER and MEDGAN_PACS_PASSWORD instead.",
        )
    if parts.query or parts.fragment:
        raise UsageError("a DICOMweb address has no ? or # part", hint=_HINT)
    is_tls = parts.scheme == "https"
    url = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
    return Address(host, port or (443 if is_tls else 80), url, is_tls=is_tls)


def _node_address(parts: SplitResult, host: str, port: int | None) -> Address:
    title, at, _ = parts.netloc.rpartition("@")
    if not at or ":" in title or parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError("the address of a DICOM node needs its title, host and port", hint=_HINT)
    aet = check_aet(unquote(title), "the title in the address")
    is_tls = parts.scheme == "dicoms"
    port = port or (DICOM_TLS_PORT if is_tls else DICOM_PORT)
    shown = f"[{host}]" if ":" in host else host
    return Address(host, port, f"{parts.scheme}://{title}@{shown}:{port}", aet, is_tls)
