"""`medgan pull`: fetch scans from an archive (PACS), or list what it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from medgan.errors import SeriesError, UsageError

if TYPE_CHECKING:
    from medgan.scans.pacs import RemoteSeries


@guarded
def pull(
    address: Address,
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the files; may hold some.")
    ] = None,
    study: Annotated[str, typer.Option(metavar="UID", help="Study instance UID.")] = "",
    series: Annotated[str, typer.Option(metavar="UID", help="Series instance UID.")] = "",
    patient: Annotated[str, typer.Option(metavar="ID", help="Patient ID, whole.")] = "",
    accession: Annotated[str, typer.Option(metavar="N", help="Accession number, whole.")] = "",
    modality: Annotated[str, typer.Option(metavar="CT", help="This modality only.")] = "",
    is_list: Annotated[
        bool, typer.Option("--list", help="Name the matching series; fetch nothing.")
    ] = False,
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
    """Fetch series from an archive (PACS), by C-GET or DICOMweb, and keep them as they are.

    What is in the folder already, whole, is not fetched again, and a broken connection is taken
    up where it broke: the same command can be given as often as you like. User and password of a
    web server come from MEDGAN_PACS_USER and MEDGAN_PACS_PASSWORD, a token from MEDGAN_PACS_TOKEN.
    Needs the extra: pip install '.[pacs]' in the checkout.

    For example:

      medgan pull dicom://ORTHANC@pacs.example:4242 --accession 4711 --list

      medgan pull dicom://ORTHANC@pacs.example:4242 --series 1.2.3.4 -o scans/

      medgan pull https://pacs.example/dicom-web --study 1.2.3 --modality CT -o scans/
    """
    from medgan.scans import pacs

    voice = Voice(json, verbose, quiet)
    if output is None and not is_list:
        raise UsageError("no folder to fetch into", hint="Add -o FOLDER, or --list to look first.")
    wanted = pacs.Wanted(study, series, patient, accession, modality)
    patience = pacs.Patience(retries)
    with peer_at(address, calling_aet, timeout, (tls_ca, tls_cert, tls_key)) as peer:
        found = pacs.find(peer, wanted, patience, voice.say)
        if is_list:
            _list(found, voice)
        if not found:
            raise SeriesError(
                "nothing there matches",
                hint="Check the values; an archive may also hide what our title may not see.",
            )
        if output is not None and not is_list:
            result = pacs.pull(peer, found, output, patience, voice.say)
            sentence = f"{result.n_done} fetched, {result.n_there} already in {output}"
            finish_transfer(result, sentence, voice)


def _list(found: list[RemoteSeries], voice: Voice) -> None:
    for one in found:
        n = "?" if one.n_instances is None else one.n_instances
        voice.say(f"{one.modality or '??'}  {n} instances  {one.description}".rstrip())
        voice.say(f"  --study {one.study} --series {one.series}")
    voice.document(
        {
            "series": [
                {
                    "study": one.study,
                    "series": one.series,
                    "modality": one.modality,
                    "description": one.description,
                    "n_instances": one.n_instances,
                }
                for one in found
            ]
        }
    )
