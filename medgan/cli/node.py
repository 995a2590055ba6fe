"""What `pull` and `push` have in common: how an archive is named, reached, and listened to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.voice import Voice

if TYPE_CHECKING:
    from medgan.scans.pacs import Peer, Transfer

SHOWN_FAILURES = 10

Address = Annotated[
    str,
    typer.Argument(
        metavar="ADDRESS",
        help="dicom://AET@host:port, dicoms://AET@host:port (TLS) or https://host/dicom-web.",
    ),
]
CallingAet = Annotated[
    str, typer.Option(metavar="TITLE", help="Our own title; many archives answer known ones only.")
]
TlsCa = Annotated[
    Path | None, typer.Option(help="PEM file of certificates to trust. [default: the usual ones]")
]
TlsCert = Annotated[
    Path | None, typer.Option(help="PEM file of our own certificate, where one is asked for.")
]
TlsKey = Annotated[Path | None, typer.Option(help="PEM file of its key, without pass phrase.")]
Timeout = Annotated[
    float, typer.Option(min=1, help="Seconds to wait for the next piece of an answer.")
]
Retries = Annotated[
    int, typer.Option(min=0, help="Breaks in a row after which it is given up; 0: at once.")
]


@contextmanager
def peer_at(
    address: str, calling_aet: str, timeout_s: float, tls: tuple[Path | None, ...]
) -> Iterator[Peer]:
    """Hold the archive at an address; user, password and token come from the environment.

    Parameters
    ----------
    tls
        Trusted certificates, our certificate, its key.
    """
    from medgan.scans.pacs import Access, Credentials, Tls, check_aet, connect, parse_address

    access = Access(
        check_aet(calling_aet, "--calling-aet"),
        timeout_s,
        Tls(*tls),
        Credentials(
            os.environ.get("MEDGAN_PACS_USER", ""),
            os.environ.get("MEDGAN_PACS_PASSWORD", ""),
            os.environ.get("MEDGAN_PACS_TOKEN", ""),
        ),
    )
    peer = connect(parse_address(address), access)
    try:
        yield peer
    finally:
        peer.close()


def finish_transfer(result: Transfer, sentence: str, voice: Voice) -> None:
    """Say what failed and what was done, and leave with the exit code."""
    shown = result.failures if voice.is_verbose else result.failures[:SHOWN_FAILURES]
    for failure in shown:
        voice.say(f"failed: {failure.name}: {failure.reason}")
    if len(result.failures) > len(shown):
        voice.say(f"  and {len(result.failures) - len(shown)} more; -v names them all")
    failed = f", {len(result.failures)} failed" if result.failures else ""
    voice.say(sentence + failed)
    voice.document(result.as_json())
    raise typer.Exit(result.exit_code)
