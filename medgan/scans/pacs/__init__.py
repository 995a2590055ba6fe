"""Scans that live on an archive (PACS): ask what is there, fetch it, send what was made.

The only place that opens a network connection, and only to the address it is given. It speaks
DICOM's own protocol (C-FIND, C-GET, C-STORE; pynetdicom) and DICOMweb (QIDO, WADO, STOW;
dicomweb-client), both from the extra `pacs`. Files come and go as they are; nothing is decoded.
Doors: `parse_address` and `connect`, then `find`, `pull` and `push`.
"""

from medgan.scans.pacs.access import Access, Credentials, Tls
from medgan.scans.pacs.address import Address, check_aet, parse_address
from medgan.scans.pacs.connect import connect
from medgan.scans.pacs.outgoing import Outgoing, find_outgoing
from medgan.scans.pacs.peer import Instance, Peer, RemoteSeries, Wanted
from medgan.scans.pacs.transfer import Failure, Patience, Transfer, find, pull, push

__all__ = [
    "Access",
    "Address",
    "Credentials",
    "Failure",
    "Instance",
    "Outgoing",
    "Patience",
    "Peer",
    "RemoteSeries",
    "Tls",
    "Transfer",
    "Wanted",
    "check_aet",
    "connect",
    "find",
    "find_outgoing",
    "parse_address",
    "pull",
    "push",
]
