"""A DICOMweb server as an archive: QIDO to ask, WADO to fetch, STOW to send (PS3.18)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any

import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from medgan.errors import MedganError
from medgan.scans.names import safe_name
from medgan.scans.pacs.access import Access
from medgan.scans.pacs.address import Address
from medgan.scans.pacs.outgoing import Outgoing
from medgan.scans.pacs.peer import (
    Instance,
    Keep,
    Refuse,
    RemoteSeries,
    Sent,
    Wanted,
    as_count,
    store_reason,
)
from medgan.scans.pacs.web_faults import FAULTS, RefusedError, fault_of

# Logs faults as warnings, with addresses that hold what was asked for.
logging.getLogger("retrying").setLevel(logging.CRITICAL)

ANY_SYNTAX = (("application/dicom", "*"),)
"""As the server has it, compressed or not."""
PAGE = 1000
STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
PATIENT, ACCESSION, MODALITY = "00100020", "00080050", "00080060"
DESCRIPTION, N_INSTANCES, SOP_CLASS = "0008103E", "00201209", "00080016"

Found = dict[str, dict[str, Any]]


class WebPeer:
    """Speaks DICOMweb; see `Peer`.

    Nothing is taken from the environment or from files of the user: no proxy, no `.netrc`.
    """

    def __init__(self, address: Address, access: Access) -> None:
        self._address = address
        self._session = _session(address, access)
        self._client = DICOMwebClient(
            address.url, session=self._session, timeout=(access.timeout_s, access.timeout_s)
        )
        self._client.set_http_retry_params(retry=False)  # transfer.py does that, for all faults
        self._was_reached = False

    def find(self, wanted: Wanted) -> list[RemoteSeries]:
        studies = self._find_studies(wanted) if wanted.asks_for_studies else [wanted.study]
        found = [series for study in studies for series in self._find_series(wanted, study)]
        return sorted(set(found), key=lambda series: (series.study, series.series))

    def instances(self, series: RemoteSeries) -> list[Instance]:
        def search(offset: int) -> list[Found]:
            return self._client.search_for_instances(
                study_instance_uid=series.study,
                series_instance_uid=series.series,
                limit=PAGE,
                offset=offset,
            )

        found = {_text(e, INSTANCE): _text(e, SOP_CLASS) for e in self._all(search, INSTANCE)}
        return [Instance(uid, found[uid]) for uid in sorted(found) if uid]

    def fetch(
        self,
        series: RemoteSeries,
        instances: Sequence[Instance],
        *,
        is_whole_series: bool,
        keep: Keep,
        refuse: Refuse,
    ) -> None:
        missing = {instance.uid: None for instance in instances}  # an ordered set
        if is_whole_series and len(missing) > 1:
            with suppress(RefusedError), self._faults():
                for dataset in self._client.iter_series(
                    series.study, series.series, media_types=ANY_SYNTAX
                ):
                    uid = str(dataset.get("SOPInstanceUID", ""))
                    if uid in missing:
                        keep(uid, file_bytes(dataset))
                        del missing[uid]
        for uid in missing:
            try:
                with self._faults():
                    dataset = self._client.retrieve_instance(
                        series.study, series.series, uid, media_types=ANY_SYNTAX
                    )
                    keep(uid, file_bytes(dataset))
            except RefusedError as fault:
                refuse(uid, fault.what)

    def held(self, study: str, series: str) -> frozenset[str]:
        try:
            found = self.instances(RemoteSeries(study, series))
        except RefusedError:  # it has no such series, or answers no queries
            return frozenset()
        return frozenset(instance.uid for instance in found)

    def send(self, files: Sequence[Outgoing], *, sent: Sent, refuse: Refuse) -> None:
        for file in files:
            try:
                dataset = dcmread(file.path)
            except Exception:  # pydicom raises whatever it meets in a damaged file
                refuse(file.uid, "the file cannot be read")
                continue
            try:
                with self._faults():
                    answer = self._client.store_instances([dataset])
            except RefusedError as fault:
                refuse(file.uid, fault.what)
                continue
            failed = answer.get("FailedSOPSequence")
            if failed:
                reason = store_reason(int(failed[0].get("FailureReason", 0)))
                refuse(file.uid, f"the server did not store it: {reason}")
            else:
                sent(file)

    def close(self) -> None:
        self._session.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn what a request raises into our words."""
        try:
            yield
        except MedganError:
            raise
        except FAULTS as error:
            fault = fault_of(error, self._address.url, was_reached=self._was_reached)
            self._was_reached |= isinstance(error, requests.HTTPError)
            raise fault from None
        else:
            self._was_reached = True

    def _find_studies(self, wanted: Wanted) -> list[str]:
        asked = {STUDY: wanted.study, PATIENT: wanted.patient, ACCESSION: wanted.accession}

        def search(offset: int) -> list[Found]:
            return self._client.search_for_studies(
                search_filters=_filters(asked), limit=PAGE, offset=offset
            )

        return [
            _text(entry, STUDY)
            for entry in self._all(search, STUDY)
            if wanted.has_study(*(_text(entry, tag) for tag in asked))
        ]

    def _find_series(self, wanted: Wanted, study: str) -> list[RemoteSeries]:
        asked = {SERIES: wanted.series, MODALITY: wanted.modality.upper()}

        def search(offset: int) -> list[Found]:
            return self._client.search_for_series(
                study_instance_uid=study or None,
                search_filters=_filters(asked),
                fields=[DESCRIPTION, N_INSTANCES],
                limit=PAGE,
                offset=offset,
            )

        return [
            RemoteSeries(
                _text(entry, STUDY) or study,
                _text(entry, SERIES),
                _text(entry, MODALITY),
                safe_name(_text(entry, DESCRIPTION)),
                as_count(_text(entry, N_INSTANCES)),
            )
            for entry in self._all(search, SERIES)
        ]

    def _all(self, search: Callable[[int], list[Found]], tag: str) -> list[Found]:
        """Turn the pages of an answer until one brings nothing new.

        Servers cap their answers as they like, and one that does not know `offset` sends the same
        page again and again.
        """
        found: dict[str, Found] = {}
        n_read = 0
        while True:
            with self._faults():
                page = search(n_read)
            fresh = {_text(entry, tag): entry for entry in page if _text(entry, tag) not in found}
            if not fresh:
                return list(found.values())
            found |= fresh
            n_read += len(page)


def file_bytes(dataset: Dataset) -> bytes:
    """Return a data set as the file it came from: what was not touched is written as it was."""
    stream = BytesIO()
    dcmwrite(stream, dataset)
    return stream.getvalue()


def _filters(asked: dict[str, str]) -> dict[str, str]:
    return {tag: value for tag, value in asked.items() if value}


def _text(entry: Found, tag: str) -> str:
    """Return the first value of an element in the DICOM JSON model (PS3.18 annex F)."""
    values = entry.get(tag, {}).get("Value") or [""]
    return str(values[0] if values[0] is not None else "").strip("\0 ")


def _session(address: Address, access: Access) -> requests.Session:
    access.tls.context()  # says what is wrong with a file before a request does
    session = requests.Session()
    session.trust_env = False
    session.headers["Accept"] = "application/dicom+json"
    if address.is_tls:
        del session.adapters["http://"]  # no redirection leaves TLS
        session.verify = str(access.tls.ca) if access.tls.ca else True
    if access.tls.certificate is not None:
        certificate, key = str(access.tls.certificate), access.tls.key
        session.cert = (certificate, str(key)) if key else certificate
    if header := access.credentials.header():
        session.headers["Authorization"] = header  # requests drops it when sent on to another host
    return session
