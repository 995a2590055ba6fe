"""From an address to the archive behind it."""

from __future__ import annotations

from medgan.errors import UsageError
from medgan.scans.pacs.access import Access
from medgan.scans.pacs.address import Address
from medgan.scans.pacs.peer import Peer

_EXTRA = {"pynetdicom", "dicomweb_client", "requests"}


def connect(address: Address, access: Access) -> Peer:
    """Return the archive at an address; nothing is sent yet.

    Raises
    ------
    UsageError
        If the extra `pacs` is not installed, a TLS file is wrong, or TLS files were given for an
        address that would not use them.
    """
    if access.tls.is_given and not address.is_tls:
        raise UsageError(
            "TLS files were given for an address without TLS",
            where=address.url,
            hint="Write dicoms:// or https:// instead.",
        )
    try:
        if address.is_web:
            from medgan.scans.pacs.web import WebPeer

            return WebPeer(address, access)
        from medgan.scans.pacs.dimse import DimsePeer

        return DimsePeer(address, access)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise UsageError(
            f"{error.name} is not installed", hint="pip install '.[pacs]' in the checkout"
        ) from None
