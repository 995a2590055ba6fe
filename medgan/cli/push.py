"""`medgan push`: send DICOM files to an archive (PACS)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medgan.cli.node import (
    Address,
    CallingAet,
    Retries,
    Timeout,
    TlsCa,
    TlsCert,
    TlsKey,
    finish_transfer,
    peer_at,
)
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded


@guarded
def push(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A DICOM file, or a folder of any depth.")
    ],
    address: Address,
    *,
    calling_aet: CallingAet = "MEDGAN",
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    timeout: Timeout = 30.0,
    retries: Retries = 3,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Send every DICOM file below PATH to an archive (PACS), by C-STORE or DICOMweb.

    Files go as they are, with all that stands in them, patient names too. What the archive has
    already is left out, and a broken connection is taken up where it broke: sending twice leaves
    one copy. Other files (NIfTI, reports) stay here. User and password of a web server come from
    MEDGAN_PACS_USER and MEDGAN_PACS_PASSWORD, a token from MEDGAN_PACS_TOKEN.
    Needs the extra: pip install '.[pacs]' in the checkout.

    For example:

      medgan push restored/ dicom://ORTHANC@pacs.example:4242

      medgan push restored/ https://pacs.example/dicom-web --tls-ca hospital.pem
    """
    from medgan.scans import pacs

    voice = Voice(json, verbose, quiet)
    with peer_at(address, calling_aet, timeout, (tls_ca, tls_cert, tls_key)) as peer:
        outgoing = pacs.find_outgoing(path)
        if outgoing.n_others:
            voice.say(f"{outgoing.n_others} files are no DICOM and stay here")
        if outgoing.n_copies:
            voice.say(f"{outgoing.n_copies} files are copies of others and go once")
        result = pacs.push(peer, outgoing.files, pacs.Patience(retries), voice.say)
        result.failures += [pacs.Failure(name, reason) for name, reason in outgoing.unfit]
        sentence = f"{result.n_done} sent, {result.n_there} already there"
        finish_transfer(result, sentence, voice)
