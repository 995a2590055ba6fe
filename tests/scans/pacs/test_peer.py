from __future__ import annotations

import pytest

from medgan.errors import UsageError
from medgan.scans.pacs.peer import RemoteSeries, Wanted, as_count, store_reason


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"modality": "CT"},
        {"study": "1.2.*"},
        {"study": "abc"},
        {"series": "1" * 65},
        {"patient": "*"},
        {"patient": "A?"},
        {"accession": "1\\2"},
        {"patient": "a\nb"},
    ],
)
def test_what_could_match_more_than_was_meant_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Wanted(**asked)


def test_only_what_matches_everything_is_wanted() -> None:
    wanted = Wanted(study="1.2", patient="ab1", modality="ct")
    assert wanted.has_study("1.2", "AB1", "anything")
    assert not wanted.has_study("1.2", "AB10", "")
    assert not wanted.has_study("1.2", "", "")
    assert wanted.has_series(RemoteSeries("1.2", "1.2.3", "CT"))
    assert not wanted.has_series(RemoteSeries("1.2", "1.2.3", "MR"))
    assert not wanted.has_series(RemoteSeries("1.9", "1.2.3", "CT"))


def test_numbers_and_statuses_in_words() -> None:
    assert (as_count("12"), as_count(""), as_count("x")) == (12, None, None)
    assert store_reason(0xA900).startswith("the content does not fit")
    assert store_reason(0xC123) == "it gave no reason (status 0xC123)"
