"""Sending to a DICOM node: C-STORE (PS3.4 annex B), each file in the form it is in.

A file goes byte for byte where the node takes its transfer syntax. Of the two plain little endian
ones the node may take either: that changes how the header is spelled, and no pixel. A compressed
file is never decoded for a node that does not take it; it is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import _config
from pynetdicom.association import Association

from medgan.errors import MedganError
from medgan.scans.pacs.association import MAX_CONTEXTS, Link, accepts
from medgan.scans.pacs.outgoing import Outgoing
from medgan.scans.pacs.peer import Refuse, Sent, store_reason

PLAIN = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
WARNINGS = range(0xB000, 0xC000)
"""Stored, with values changed or dropped by the node."""


def store(link: Link, files: Sequence[Outgoing], *, sent: Sent, refuse: Refuse) -> None:
    """Send files, as `Peer.send`."""
    for contexts, group in _by_contexts(files):
        with link.associated([(name, [syntax]) for name, syntax in contexts]) as association:
            for file in group:
                _send(link, association, file, sent, refuse)


def _send(link: Link, association: Association, file: Outgoing, sent: Sent, refuse: Refuse) -> None:
    is_as_it_is = accepts(association, file.sop_class, file.syntax)
    if not is_as_it_is and not _takes_plain(association, file):
        refuse(file.uid, _refused_context(association, file))
        return
    try:
        with _sending_bytes(is_as_it_is):
            answer = association.send_c_store(file.path if is_as_it_is else dcmread(file.path))
    except RuntimeError:  # the node closed between two files
        raise link.broken() from None
    except (OSError, MedganError):
        refuse(file.uid, "the file cannot be read")
        return
    except Exception:  # pydicom raises whatever it meets while it spells a damaged header anew
        refuse(file.uid, "the file is damaged")
        return
    status = answer.get("Status")
    if status is None:
        raise link.broken()
    if status == 0 or status in WARNINGS:
        sent(file)
    else:
        refuse(file.uid, f"the node did not store it: {store_reason(status)}")


def _takes_plain(association: Association, file: Outgoing) -> bool:
    return file.syntax in PLAIN and any(
        accepts(association, file.sop_class, syntax) for syntax in PLAIN
    )


def _refused_context(association: Association, file: Outgoing) -> str:
    kind, form = UID(file.sop_class).name, UID(file.syntax).name
    if not accepts(association, file.sop_class):
        return f"the node takes no {kind} from us in {form}"
    return f"the node takes no {form}; convert the file before sending it"


@contextmanager
def _sending_bytes(is_wanted: bool) -> Iterator[None]:
    """Have pynetdicom send what stands in the file, and not what it reads from it."""
    before = _config.STORE_SEND_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = is_wanted
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = before


def _by_contexts(
    files: Sequence[Outgoing],
) -> Iterator[tuple[Sequence[tuple[str, str]], Sequence[Outgoing]]]:
    """Group files so that the contexts of a group fit into one association."""
    pairs = sorted({(file.sop_class, file.syntax) for file in files})
    for n in range(0, len(pairs), MAX_CONTEXTS // 2):
        part = pairs[n : n + MAX_CONTEXTS // 2]
        plain = {(name, other) for name, syntax in part if syntax in PLAIN for other in PLAIN}
        group = [file for file in files if (file.sop_class, file.syntax) in part]
        yield sorted({*part, *plain}), group
