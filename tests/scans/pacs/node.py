"""A DICOM node on loopback, with faults to order; the other side of `medgan pull` and `push`."""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    MRImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)
from pynetdicom.transport import ThreadedAssociationServer

from medgan.scans.pacs.retrieve import TRANSFER_SYNTAXES

KEYS = ("StudyInstanceUID", "PatientID", "AccessionNumber", "SeriesInstanceUID", "Modality")
UNIQUE = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


@dataclass
class Node:
    """What it holds, what it shall do wrong, and what it was asked.

    Parameters
    ----------
    breaks
        Associations to break: each the number of instances after which.
    stall_after
        Instances of a C-GET after which it waits for `go_on`.
    ignored
        Keys it does not compare.
    """

    held: dict[str, Dataset] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    stall_after: int | None = None
    ignored: tuple[str, ...] = ()
    find_status: int = 0
    store_status: dict[str, int] = field(default_factory=dict)
    go_on: threading.Event = field(default_factory=threading.Event)
    handed: Counter[str] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)
    queries: list[Dataset] = field(default_factory=list)
    port: int = 0
    n_in_association: int = 0

    @property
    def address(self) -> str:
        return f"dicom://NODE@localhost:{self.port}"

    def add(self, datasets: Sequence[Dataset]) -> None:
        self.held |= {dataset.SOPInstanceUID: dataset for dataset in datasets}

    def matches(self, query: Dataset) -> list[Dataset]:
        def fits(dataset: Dataset, key: str) -> bool:
            asked = query.get(key)
            several = [asked] if isinstance(asked, str) else list(asked or [])
            return key in self.ignored or not any(several) or dataset.get(key) in several

        keys = (*KEYS, "SOPInstanceUID")
        return [d for d in self.held.values() if all(fits(d, key) for key in keys)]

    def on_find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        query = event.identifier
        self.queries.append(query)
        if self.find_status:
            yield self.find_status, None
            return
        unique, seen = UNIQUE[query.QueryRetrieveLevel], set()
        for dataset in self.matches(query):
            if dataset[unique].value in seen:
                continue
            seen.add(dataset[unique].value)
            answer = Dataset()
            answer.QueryRetrieveLevel = query.QueryRetrieveLevel
            for element in query:
                if element.keyword not in ("QueryRetrieveLevel", "SpecificCharacterSet"):
                    setattr(answer, element.keyword, dataset.get(element.keyword, ""))
            yield 0xFF00, answer

    def on_get(self, event: evt.Event) -> Iterator[Any]:
        self.queries.append(event.identifier)
        found = self.matches(event.identifier)
        limit = self.breaks.pop(0) if self.breaks else None
        yield len(found)
        for n, dataset in enumerate(found):
            if n == limit:
                event.assoc.abort()
                return
            if n == self.stall_after and not self.go_on.wait(60):
                return
            self.handed[dataset.SOPInstanceUID] += 1
            yield 0xFF00, dataset

    def on_store(self, event: evt.Event) -> int:
        if self.breaks and self.n_in_association == self.breaks[0]:
            self.breaks.pop(0)
            event.assoc.abort()
            return 0xA700
        uid = str(event.request.AffectedSOPInstanceUID)
        status = self.store_status.get(uid, 0)
        if status == 0:
            dataset = event.dataset
            dataset.file_meta = event.file_meta
            self.held[uid] = dataset
            self.stored[uid] += 1
        self.n_in_association += 1
        return status

    def on_start(self, event: evt.Event) -> None:
        self.n_in_association = 0


@contextmanager
def running(
    node: Node | None = None,
    *,
    syntaxes: Sequence[str] = TRANSFER_SYNTAXES,
    offers: Sequence[str] = ("find", "get", "store"),
    known_titles: Sequence[str] = (),
    certificate: tuple[Path, Path] | None = None,
    is_ours_needed: bool = False,
) -> Iterator[Node]:
    """Run a node for the length of a block."""
    node = node or Node()
    entity = AE("NODE")
    entity.require_called_aet = True
    entity.require_calling_aet = list(known_titles)
    if "find" in offers:
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    if "get" in offers:
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
    if "store" in offers:
        for name in (CTImageStorage, MRImageStorage):
            entity.add_supported_context(name, list(syntaxes), scu_role=True, scp_role=True)
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        if is_ours_needed:
            context.load_verify_locations(certificate[0])
            context.verify_mode = ssl.CERT_REQUIRED
    server = entity.make_server(
        ("127.0.0.1", 0),
        server_class=ThreadedAssociationServer,
        ssl_context=context,
        evt_handlers=[
            (evt.EVT_C_FIND, node.on_find),
            (evt.EVT_C_GET, node.on_get),
            (evt.EVT_C_STORE, node.on_store),
            (evt.EVT_ESTABLISHED, node.on_start),
        ],
    )
    entity._servers.append(server)  # as start_server does, whose polling makes every end slow
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    node.port = server.socket.getsockname()[1]
    try:
        yield node
    finally:
        node.go_on.set()
        server.shutdown()
