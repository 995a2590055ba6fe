"""What can go wrong with a web server, in plain words.

The texts of the exceptions are never shown: they hold addresses with what was asked for, and that
is patients.
"""

from __future__ import annotations

import re
from http import HTTPStatus

import requests
from pydicom.errors import InvalidDicomError

from medgan.errors import MedganError, PeerError
from medgan.scans.pacs.peer import UNREACHED, BrokenOffError

FAULTS = (requests.RequestException, InvalidDicomError, ValueError, KeyError, EOFError)
"""What requests and dicomweb-client raise when the server or its answer is not what it should be.
"""
TRY_AGAIN = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_UNTRUSTED = re.compile(r"certificate verify failed: ([\w ,'.:-]+)")


class RefusedError(PeerError):
    """The server will not do this one thing; the next may go."""


def fault_of(error: Exception, url: str, *, was_reached: bool) -> MedganError:
    """Return what to raise in place of an exception of the libraries."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _of_status(error.response.status_code, url)
    if isinstance(error, requests.exceptions.SSLError):
        return _of_tls(error, url)
    if isinstance(error, requests.exceptions.InvalidSchema):
        return PeerError("the server sends us on to an address without TLS", where=url)
    broken = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    if isinstance(error, broken):
        return _of_connection(error, url, was_reached=was_reached)
    return PeerError(
        f"the answer is not DICOMweb ({type(error).__name__})",
        where=url,
        hint="Check the path: Orthanc has /dicom-web, dcm4chee /dcm4chee-arc/aets/TITLE/rs.",
    )


def _of_status(status: int, url: str) -> MedganError:
    if status == HTTPStatus.UNAUTHORIZED:
        return PeerError(
            "the server asks who we are, or does not know us (HTTP 401)",
            where=url,
            hint="Set MEDGAN_PACS_USER and MEDGAN_PACS_PASSWORD, or MEDGAN_PACS_TOKEN.",
        )
    if status == HTTPStatus.FORBIDDEN:
        return PeerError(
            "the server knows us but does not allow this (HTTP 403)",
            where=url,
            hint="Ask who runs it for the right to do this.",
        )
    if status in TRY_AGAIN:
        return BrokenOffError(f"the server is busy or down (HTTP {status})", where=url)
    if status == HTTPStatus.NOT_FOUND:
        return RefusedError(
            "the server has nothing there (HTTP 404)",
            where=url,
            hint="Check the path: Orthanc has /dicom-web, dcm4chee /dcm4chee-arc/aets/TITLE/rs.",
        )
    if status == HTTPStatus.NOT_ACCEPTABLE:
        return RefusedError("the server has it in no form that we take (HTTP 406)", where=url)
    if status == HTTPStatus.CONFLICT:
        return RefusedError("the server did not store it (HTTP 409)", where=url)
    return RefusedError(f"the server refused (HTTP {status})", where=url)


def _of_tls(error: Exception, url: str) -> MedganError:
    found = _UNTRUSTED.search(str(error))
    if found:
        return PeerError(
            f"its TLS certificate is not trusted: {found[1].strip()}",
            where=url,
            hint="Name the certificate to trust with --tls-ca; the host has to be its name.",
        )
    return PeerError(
        "no TLS connection came about",
        where=url,
        hint="Is this its TLS port? Does it ask for a certificate (--tls-cert, --tls-key)?",
    )


def _of_connection(error: Exception, url: str, *, was_reached: bool) -> MedganError:
    text = str(error)  # searched, never shown
    what = "the connection broke off"
    if "NameResolution" in text or "getaddrinfo" in text:
        what = "there is no host of that name"
    elif "refused" in text:
        what = "cannot be reached: connection refused"
    elif isinstance(error, requests.Timeout) or "timed out" in text:
        what = "no answer in time"
    if was_reached:
        return BrokenOffError(what, where=url)
    return PeerError(what, where=url, hint=UNREACHED)
