from dataclasses import replace

from medgan.record import FilledRegion, ScanRecord
from medgan.report import ReportContext, methods_text
from medgan.settings import digest
from tests.report.conftest import failed, restored


def test_it_says_how_many_with_what_and_how_well(context: ReportContext) -> None:
    text = methods_text([restored("a"), restored("b", 28.0), failed()], context)
    assert "In 2 scans (MR), 6 slices missing in 4 gaps were filled with medgan 0.1.0" in text
    assert "slices-faithful, weights SHA-256 abababababababab" in text
    assert "12 measured slices of the same scans were hidden" in text
    assert "2.5 dB above that of linear" in text
    assert "median; range 28.0 to 31.0 dB" in text
    assert "torch 2.13.0" in text
    assert digest(context.settings)[:16] in text


def test_virtual_scans_are_called_synthetic(context: ReportContext) -> None:
    virtual = ScanRecord(id="v", status="synthetic", modality="mr", model={"name": "dcgan_3d"})
    text = methods_text([virtual], context)
    assert text.startswith("1 virtual scan (MR) was generated with medgan 0.1.0 (model dcgan_3d")
    assert "synthetic" in text


def test_nothing_made_is_nothing_to_say(context: ReportContext) -> None:
    assert methods_text([failed(), ScanRecord(id="c", status="complete")], context) == ""


def test_no_claim_of_unchanged_slices_without_their_hashes(context: ReportContext) -> None:
    bare = ScanRecord(id="a", status="restored", filled=restored().filled)
    assert "unchanged" not in methods_text([bare], context)


def test_no_claim_of_re_reading_by_a_pipeline_that_did_not(context: ReportContext) -> None:
    assert "on re-reading" in methods_text([restored()], context)
    unproved = replace(context, settings={"stages": ["index", "restore", "export"]})
    assert "on re-reading" not in methods_text([restored()], unproved)


def test_ends_regions_and_thin_slices_are_said_in_words(context: ReportContext) -> None:
    first, *rest = restored().filled
    ended = replace(restored(), filled=(replace(first, extrapolated=True), *rest))
    assert "1 lie beyond the last measured slice" in methods_text([ended], context)
    region = FilledRegion((1, 1, 1), (2, 2, 2), 8, 8.0, (0.0, 0.0, 0.0), "poor")
    marked = replace(restored(), filled=(), regions=(region,))
    assert "8 voxels in marked regions" in methods_text([marked], context)
    thinned = replace(restored(), filled=tuple(replace(first, position=p) for p in range(12)))
    text = methods_text([thinned], context)
    assert "averages over their thickness" in text
    assert "left unchanged" not in text


def test_expectations_that_were_not_calibrated_are_told(context: ReportContext) -> None:
    doubtful = replace(restored("a"), is_calibrated=False)
    text = methods_text([doubtful, restored("b")], context)
    assert "In 1 scan, that expectation was not calibrated with what filled the slices." in text
    assert "not calibrated" not in methods_text([restored("b")], context)
