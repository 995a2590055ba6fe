"""The rules of a transfer, with an archive that is only a few lines of the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

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
from medgan.scans.pacs.transfer import LONGEST_WAIT_S, Failure, Patience, Transfer, pull, push
from tests.scans.series import make_series, save

SERIES = (RemoteSeries("1.1", "1.1.1"), RemoteSeries("1.1", "1.1.2"))


@dataclass
class Archive:
    """Breaks off after so many instances, call by call; None: not at all."""

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int | None] = field(default_factory=list)
    asked: list[tuple[int, bool]] = field(default_factory=list)
    there: frozenset[str] = frozenset()

    def find(self, wanted: Wanted) -> list[RemoteSeries]:
        return list(SERIES)

    def instances(self, series: RemoteSeries) -> list[Instance]:
        return [Instance(uid) for uid in self.files]

    def fetch(
        self,
        series: RemoteSeries,
        instances: Sequence[Instance],
        *,
        is_whole_series: bool,
        keep: Keep,
        refuse: Refuse,
    ) -> None:
        self.asked.append((len(instances), is_whole_series))
        for uid in self._until_it_breaks([i.uid for i in instances]):
            keep(uid, self.files[uid])
            keep(uid, self.files[uid])  # an archive may well hand over a thing twice

    def held(self, study: str, series: str) -> frozenset[str]:
        return self.there

    def send(self, files: Sequence[Outgoing], *, sent: Sent, refuse: Refuse) -> None:
        self.asked.append((len(files), False))
        for file in self._until_it_breaks(list(files)):
            sent(file)

    def close(self) -> None:
        pass

    def _until_it_breaks(self, things: list):  # type: ignore[no-untyped-def, type-arg]
        limit = self.breaks.pop(0) if self.breaks else None
        yield from things[:limit]
        if limit is not None:
            raise BrokenOffError("broke off")


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, bytes]:
    datasets = make_series(n=4)
    paths = save(datasets, tmp_path / "made")
    return {d.SOPInstanceUID: p.read_bytes() for d, p in zip(datasets, paths, strict=True)}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("medgan.scans.pacs.transfer.time.sleep", found.append)
    return found


def test_waits_double_up_to_a_limit(waits: list[float]) -> None:
    for n in range(1, 9):
        Patience().wait(n)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_WAIT_S, LONGEST_WAIT_S, LONGEST_WAIT_S]


def test_only_breaks_in_a_row_count(
    contents: dict[str, bytes], waits: list[float], tmp_path: Path
) -> None:
    archive = Archive(contents, breaks=[1, 0, 1, 0, 1, 0])
    result = pull(archive, SERIES[:1], tmp_path / "in", Patience(retries=2), str)
    assert (result.n_done, result.n_breaks, result.failures) == (4, 6, [])
    assert waits == [1.0, 2.0] * 3
    assert [n for n, _ in archive.asked] == [4, 3, 3, 2, 2, 1, 1]
    assert [whole for _, whole in archive.asked] == [True] + [False] * 6


def test_once_given_up_the_rest_is_not_asked_for(
    contents: dict[str, bytes], waits: list[float], tmp_path: Path
) -> None:
    archive = Archive(contents, breaks=[3, 0, 0])
    result = pull(archive, SERIES, tmp_path / "in", Patience(retries=1), str)
    assert (result.n_done, result.exit_code) == (3, 3)
    assert len(archive.asked) == 2
    here, later = result.failures
    assert (here.reason, later.reason) == ("broke off", "not asked for: broke off")
    assert later.name.startswith("series_")
    assert len(list((tmp_path / "in").rglob("*.dcm"))) == 3


def test_with_nothing_done_a_break_is_an_error(
    contents: dict[str, bytes], waits: list[float], tmp_path: Path
) -> None:
    with pytest.raises(BrokenOffError):
        pull(Archive(contents, [0] * 9), SERIES, tmp_path / "in", Patience(0), str)
    assert waits == []


def test_what_arrives_damaged_is_asked_for_again_and_not_kept(
    contents: dict[str, bytes], waits: list[float], tmp_path: Path
) -> None:
    uid = next(iter(contents))
    archive = Archive(contents | {uid: contents[uid][:-5]})
    result = pull(archive, SERIES, tmp_path / "in", Patience(retries=2), str)
    assert (result.n_done, result.exit_code) == (6, 3)
    assert [failure.reason for failure in result.failures] == ["it came damaged or cut short"] * 2
    assert [n for n, _ in archive.asked] == [4, 1, 1, 4, 1, 1]
    assert len(list((tmp_path / "in").rglob("*.dcm"))) == 6


def test_what_is_not_handed_over_is_a_failure(contents: dict[str, bytes], tmp_path: Path) -> None:
    class Forgetful(Archive):
        def fetch(self, *args: object, **kwargs: object) -> None:
            pass

    result = pull(Forgetful(contents), SERIES[:1], tmp_path / "in", Patience(), str)
    assert result.exit_code == 1
    assert {f.reason for f in result.failures} == {
        "the archive did not hand it over, and did not say why"
    }


def test_what_the_archive_has_is_not_sent(tmp_path: Path, waits: list[float]) -> None:
    files = [Outgoing(tmp_path, f"{n}.dcm", f"1.{n}", "1", "1", "1.1", "1.1.1") for n in range(5)]
    archive = Archive(there=frozenset({"1.0", "1.3"}), breaks=[1, None])
    result = push(archive, files, Patience(), str)
    assert (result.n_done, result.n_there, result.n_breaks) == (3, 2, 1)
    assert [n for n, _ in archive.asked] == [3, 2]


def test_the_document() -> None:
    result = Transfer(3, 2, 1, [Failure("a.dcm", "why")])
    assert result.as_json() == {
        "transferred": 3,
        "already_there": 2,
        "breaks": 1,
        "failed": [{"name": "a.dcm", "reason": "why"}],
    }
    assert (Transfer().exit_code, result.exit_code) == (0, 3)
    assert Transfer(failures=[Failure("a", "b")]).exit_code == 1
