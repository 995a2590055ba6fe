"""A DICOM node as an archive."""

from __future__ import annotations

from collections.abc import Sequence

from medgan.errors import PeerError
from medgan.scans.pacs.access import Access
from medgan.scans.pacs.address import Address
from medgan.scans.pacs.association import Link
from medgan.scans.pacs.outgoing import Outgoing
from medgan.scans.pacs.peer import (
    BrokenOffError,
    Instance,
    Keep,
    Refuse,
    RemoteSeries,
    Sent,
    Wanted,
)
from medgan.scans.pacs.query import find_instances, find_series
from medgan.scans.pacs.retrieve import get_instances
from medgan.scans.pacs.store import store


class DimsePeer:
    """Speaks DICOM's own protocol; see `Peer`."""

    def __init__(self, address: Address, access: Access) -> None:
        self._link = Link(address, access)

    def find(self, wanted: Wanted) -> list[RemoteSeries]:
        return find_series(self._link, wanted)

    def instances(self, series: RemoteSeries) -> list[Instance]:
        return find_instances(self._link, series)

    def fetch(
        self,
        series: RemoteSeries,
        instances: Sequence[Instance],
        *,
        is_whole_series: bool,
        keep: Keep,
        refuse: Refuse,
    ) -> None:
        get_instances(
            self._link,
            series,
            instances,
            is_whole_series=is_whole_series,
            keep=keep,
            refuse=refuse,
        )

    def held(self, study: str, series: str) -> frozenset[str]:
        try:
            found = find_instances(self._link, RemoteSeries(study, series))
        except BrokenOffError:
            raise
        except PeerError:
            if not self._link.was_reached:
                raise
            return frozenset()  # a node that only stores: what comes twice replaces itself
        return frozenset(instance.uid for instance in found)

    def send(self, files: Sequence[Outgoing], *, sent: Sent, refuse: Refuse) -> None:
        store(self._link, files, sent=sent, refuse=refuse)

    def close(self) -> None:
        """Nothing is open between calls."""
