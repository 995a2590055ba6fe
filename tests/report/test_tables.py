import math
from dataclasses import replace

from medgan.record import Candidate, FilledRegion, Interval, ScanRecord
from medgan.report import tables
from tests.report.conftest import failed, restored


def test_what_needs_a_look_comes_first() -> None:
    complete = ScanRecord(id="c", status="complete")
    poor, fair = restored("p", 24.0, "poor"), restored("f", 27.0, "fair")
    unknown = replace(restored("u", grade="unknown"), id="u")
    good_low, good_high = restored("g1", 30.0), restored("g2", 33.0)
    ordered = tables.worst_first([complete, good_high, good_low, unknown, fair, poor, failed("x")])
    assert [record.id for record in ordered] == ["x", "p", "u", "f", "g1", "g2", "c"]


def test_gaps_are_runs_of_missing_and_filled_over_positions() -> None:
    assert tables.n_gaps(restored()) == 2
    assert tables.n_gaps(ScanRecord(id="a", status="complete")) == 0
    assert tables.n_gaps(ScanRecord(id="a", status="failed", missing=(1, 2, 4, 6, 7))) == 3


def test_summary_counts_every_scan_once() -> None:
    records = [restored(), failed(), ScanRecord(id="v", status="synthetic")]
    summary = tables.summarise(records, n_refused=1, n_set_aside=2)
    assert summary.n_scans == 3
    assert summary.n_restored + summary.n_failed + summary.n_virtual + summary.n_complete == 3
    assert (summary.n_filled, summary.n_gaps) == (3, 2)
    assert (summary.n_refused, summary.n_set_aside) == (1, 2)


def test_candidates_stand_beside_linear_with_the_mixture_on_top() -> None:
    (table,) = tables.candidate_tables(restored())
    assert [row.candidate.name for row in table.rows] == ["mixture", "slices-faithful", "linear"]
    assert [row.gain_db for row in table.rows] == [2.5, 2.0, 0.0]
    assert tables.gain_over_linear(restored()) == 2.5
    assert tables.candidate_tables(failed()) == []
    assert tables.gain_over_linear(failed()) is None


def test_candidates_for_other_gap_lengths_are_never_compared() -> None:
    wide = (Candidate("linear", 0.5, 20.0, 0.5, 4), Candidate("mixture", 1.0, 21.5, 0.6, 4))
    record = replace(restored(), candidates=(*wide, *restored().candidates))
    narrow_table, wide_table = tables.candidate_tables(record)
    assert (narrow_table.gap_length, wide_table.gap_length) == (1, 4)
    assert (narrow_table.gain_db, wide_table.gain_db) == (2.5, 1.5)
    assert tables.gain_over_linear(record) == 2.0


def test_without_linear_there_is_no_gain() -> None:
    record = replace(restored(), candidates=(Candidate("mixture", 1.0, 30.0, 0.9),))
    assert tables.gain_over_linear(record) is None


def test_a_ruler_splits_into_runs_that_join_to_itself() -> None:
    ruler = "__|||..|x|_"
    found = tables.ruler_runs(ruler)
    assert "".join(run.marks for run in found) == ruler
    assert [run.kind for run in found] == [
        "empty", "measured", "missing", "measured", "damaged", "measured", "empty",
    ]  # fmt: skip
    assert found[2].title == "missing: 5-6"
    assert found[4].title == "damaged: 8"
    assert tables.ruler_runs("") == []


def test_figures_that_are_none_or_not_finite_have_words() -> None:
    assert tables.number(31.456) == "31.46"
    assert [tables.number(v) for v in (None, math.nan, math.inf, -math.inf)] == [
        "–",
        "–",
        "∞",
        "-∞",
    ]
    assert tables.interval(None) == "–"
    assert tables.interval(Interval(31.84, 29.9, 33.0)) == "31.8 (29.9 to 33.0)"
    assert [tables.cell(v) for v in (None, 3, "a", 0.123456, math.nan)] == [
        "–",
        "3",
        "a",
        "0.1235",
        "–",
    ]


def test_bars_share_one_scale_and_keep_their_order() -> None:
    record = restored(psnr_db=30.0)
    low = replace(record.filled[0], psnr_db=Interval(20.0, 18.0, 22.0))
    unknown = replace(record.filled[1], psnr_db=None)
    first, nothing, last = tables.interval_bars([low, unknown, record.filled[2]])
    assert nothing is None
    assert first is not None
    assert last is not None
    assert 0 <= first.low < first.value < first.high < last.low < last.value < last.high <= 1
    assert tables.interval_bars([unknown]) == [None]


def test_one_digest_over_all_measured_slices_changes_with_any() -> None:
    record = restored()
    other = replace(record, measured_hashes={**record.measured_hashes, "10": "ee" * 32})
    assert tables.measured_digest(record) == tables.measured_digest(restored())
    assert tables.measured_digest(record) != tables.measured_digest(other)
    assert tables.measured_digest(failed()) == ""


def test_every_task_has_a_table_of_its_own_with_a_caption() -> None:
    others = (
        Candidate("repeat", 1.0, 19.0, 0.6, 1, "end"),
        Candidate("harmonic", 1.0, 25.0, None, 0, "region"),
    )
    record = replace(restored(), candidates=(*others, *restored().candidates))
    gap, end, region = tables.candidate_tables(record)
    assert [gap.task, end.task, region.task] == ["gap", "end", "region"]
    assert end.caption == "For 1 slice beyond an end"
    assert "hidden elsewhere" in region.caption
    assert end.gain_db is None
    assert tables.gain_over_linear(record) == tables.gain_over_linear(restored())


def test_a_region_counts_for_the_worst_grade() -> None:
    region = FilledRegion((1, 1, 1), (2, 2, 2), 8, 8.0, (0.0, 0.0, 0.0), "poor")
    assert tables.worst_grade(replace(restored(), regions=(region,))) == "poor"
