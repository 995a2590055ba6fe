"""Fetching and sending to the end: only what is missing, again after a break, each thing once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from medgan.scans.atomic import write_bytes
from medgan.scans.pacs.incoming import is_whole, is_whole_file, place
from medgan.scans.pacs.outgoing import Outgoing
from medgan.scans.pacs.peer import BrokenOffError, Instance, Peer, RemoteSeries, Wanted

Answer = TypeVar("Answer")
Tell = Callable[[str], None]
LONGEST_WAIT_S = 30.0
DAMAGED = "it came damaged or cut short"


@dataclass(frozen=True)
class Patience:
    """How often a broken connection is taken up again.

    Parameters
    ----------
    retries
        Breaks in a row, with nothing transferred in between, after which it is given up.
    first_wait_s
        Wait after the first of them; doubled after each further one, 30 s at most.
    """

    retries: int = 3
    first_wait_s: float = 1.0

    def wait(self, n_breaks: int) -> None:
        """Wait after the n-th break in a row, counted from 1."""
        time.sleep(min(self.first_wait_s * 2 ** (n_breaks - 1), LONGEST_WAIT_S))


@dataclass(frozen=True)
class Failure:
    """One file that was not transferred, named as it stands below the folder, and why."""

    name: str
    reason: str


@dataclass
class Transfer:
    """What came of it.

    Parameters
    ----------
    n_done
        Files that were transferred now.
    n_there
        Files that were there before, whole, and were left alone.
    n_breaks
        Connections that broke off and were taken up again.
    """

    n_done: int = 0
    n_there: int = 0
    n_breaks: int = 0
    failures: list[Failure] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all there; 1 nothing; 3 some."""
        if not self.failures:
            return 0
        return 3 if self.n_done or self.n_there else 1

    def as_json(self) -> dict[str, Any]:
        """Return it as the document that `--json` prints."""
        return {
            "transferred": self.n_done,
            "already_there": self.n_there,
            "breaks": self.n_breaks,
            "failed": [{"name": f.name, "reason": f.reason} for f in self.failures],
        }


def find(peer: Peer, wanted: Wanted, patience: Patience, tell: Tell) -> list[RemoteSeries]:
    """Return the series that match; what does not match is dropped, whatever the archive says."""
    found = _patiently(lambda: peer.find(wanted), Transfer(), patience, tell)
    return [series for series in found if wanted.has_series(series)]


def pull(
    peer: Peer, series: Sequence[RemoteSeries], folder: Path, patience: Patience, tell: Tell
) -> Transfer:
    """Fetch series into a folder: `series_<hash>/<hash>.dcm`, each file whole or not there.

    An instance that is there already, whole, is not fetched again.

    Raises
    ------
    PeerError
        If the archive refuses altogether. A connection that breaks for good is no exception once
        something is there: what is missing is a failure of the transfer.
    WriteError
        If the folder cannot be written to.
    """
    result = Transfer()
    given_up: BrokenOffError | None = None
    for number, one in enumerate(series, start=1):
        if given_up is not None:
            name = place(folder, one, "").parent.name
            result.failures.append(Failure(name, f"not asked for: {given_up.what}"))
            continue
        listed = partial(peer.instances, one)
        places = {i: place(folder, one, i.uid) for i in _patiently(listed, result, patience, tell)}
        missing = [i for i, path in places.items() if not is_whole_file(path, i.uid)]
        n_there = len(places) - len(missing)
        result.n_there += n_there
        tell(f"series {number} of {len(series)}: {len(places)} instances, {n_there} already here")
        todo = _Todo({i.uid: _below(folder, places[i]) for i in missing}, result)
        fetch = partial(_fetch, peer, one, missing, todo, folder, is_new=n_there == 0)
        given_up = _until_done(fetch, todo, patience, tell)
    return _unless_nothing(result, given_up)


def push(peer: Peer, files: Sequence[Outgoing], patience: Patience, tell: Tell) -> Transfer:
    """Send files; those that the archive has already, by SOP instance UID, are left out.

    Raises
    ------
    PeerError
        As `pull`.
    """
    result = Transfer()
    there: set[str] = set()
    for study, series in sorted({(file.study, file.series) for file in files}):
        there |= _patiently(partial(peer.held, study, series), result, patience, tell)
    waiting = {file.uid: file for file in files if file.uid not in there}
    result.n_there = len(files) - len(waiting)
    tell(f"{len(files)} instances, {result.n_there} already there")
    todo = _Todo({uid: file.name for uid, file in waiting.items()}, result)
    given_up = _until_done(partial(_send, peer, waiting, todo), todo, patience, tell)
    return _unless_nothing(result, given_up)


class _Todo:
    """What is still to be transferred: SOP instance UIDs, with names for messages.

    `is_damaged` tells whether something came, of late, that could not be kept.
    """

    def __init__(self, names: dict[str, str], result: Transfer) -> None:
        self.names = names
        self.result = result
        self.is_damaged = False

    def done(self, uid: str) -> None:
        """Count one as transferred."""
        if self.names.pop(uid, None) is not None:
            self.result.n_done += 1

    def refuse(self, uid: str, reason: str) -> None:
        """Count one as failed."""
        name = self.names.pop(uid, None)
        if name is not None:
            self.result.failures.append(Failure(name, reason))

    def refuse_all(self, reason: str) -> None:
        """Count all the rest as failed."""
        for uid in list(self.names):
            self.refuse(uid, reason)


def _fetch(
    peer: Peer,
    series: RemoteSeries,
    instances: Sequence[Instance],
    todo: _Todo,
    folder: Path,
    *,
    is_new: bool,
) -> None:
    def keep(uid: str, data: bytes) -> None:
        if uid not in todo.names:
            return
        if is_whole(data, uid):
            write_bytes(place(folder, series, uid), data)
            todo.done(uid)
        else:
            todo.is_damaged = True

    missing = [instance for instance in instances if instance.uid in todo.names]
    is_whole_series = is_new and len(missing) == len(instances)
    peer.fetch(series, missing, is_whole_series=is_whole_series, keep=keep, refuse=todo.refuse)


def _send(peer: Peer, files: dict[str, Outgoing], todo: _Todo) -> None:
    waiting = [file for uid, file in files.items() if uid in todo.names]
    peer.send(waiting, sent=lambda file: todo.done(file.uid), refuse=todo.refuse)


def _until_done(
    act: Callable[[], None], todo: _Todo, patience: Patience, tell: Tell
) -> BrokenOffError | None:
    """Act until nothing is left; return the break that it was given up for."""
    n_breaks = 0
    while todo.names:
        n_before = len(todo.names)
        todo.is_damaged = False
        fault = _break_of(act)
        if not todo.names:
            break
        if fault is None and not todo.is_damaged:
            todo.refuse_all("the archive did not hand it over, and did not say why")
            break
        what = DAMAGED if fault is None else fault.what
        n_breaks = 1 if len(todo.names) < n_before else n_breaks + 1
        if n_breaks > patience.retries:
            todo.refuse_all(what)
            return fault
        todo.result.n_breaks += 1
        tell(f"{what}; {len(todo.names)} instances to go, trying again")
        patience.wait(n_breaks)
    return None


def _break_of(act: Callable[[], None]) -> BrokenOffError | None:
    try:
        act()
    except BrokenOffError as error:
        return error
    return None


def _patiently(
    question: Callable[[], Answer], result: Transfer, patience: Patience, tell: Tell
) -> Answer:
    """Ask until there is an answer, or the retries are used up."""
    n_breaks = 0
    while True:
        try:
            return question()
        except BrokenOffError as error:
            n_breaks += 1
            if n_breaks > patience.retries:
                raise
            result.n_breaks += 1
            tell(f"{error.what}; trying again")
            patience.wait(n_breaks)


def _unless_nothing(result: Transfer, given_up: BrokenOffError | None) -> Transfer:
    if given_up is not None and not (result.n_done or result.n_there):
        raise given_up
    return result


def _below(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
