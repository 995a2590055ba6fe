import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from medgan.errors import WriteError
from medgan.record import Interval, ScanRecord
from medgan.report import (
    DISCLAIMER,
    Listed,
    ReportContext,
    real_beside_virtual,
    write_report,
)
from medgan.report.page import EMBEDDED_SCANS, read_picture, relative_link
from tests.report.conftest import HOSTILE, failed, restored

LOADING = {"src", "href", "srcset", "data", "action", "poster", "background", "xlink:href"}


class Page(HTMLParser):
    """What a browser would see: tags, links, and text by tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name in LOADING:
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words += data


def drawn(path: Path, caption: str = "Samples.") -> Path:
    """A picture as runs leave them, with its caption inside."""
    return real_beside_virtual([np.eye(8)], [np.eye(8)], path, caption=caption)


def page_of(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_errors_calibrated_with_another_network_are_doubted_beside_them(
    tmp_path: Path, context: ReportContext
) -> None:
    doubted = replace(restored(), is_calibrated=False)
    for record in (restored(), doubted):
        words = page_of(write_report([record], tmp_path, context)).words
        _, _, after = words.partition("Expected error of each filled slice")
        assert after.strip().startswith("Not calibrated with") == (record is doubted)


def test_policy_allows_nothing_from_outside_and_knows_the_style(
    tmp_path: Path, context: ReportContext
) -> None:
    text = write_report([restored()], tmp_path, context).read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert policy is not None
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    rules = dict(r.strip().split(" ", 1) for r in policy[1].replace("&#39;", "'").split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_nothing_is_loaded_and_no_script_or_inline_style_is_there(
    tmp_path: Path, context: ReportContext
) -> None:
    drawn(tmp_path / "a.png")
    record = replace(restored(), pictures=("a.png",))
    page = page_of(write_report([record, failed()], tmp_path, context))
    assert all(link.startswith(("#", "./", "data:")) for link in page.links), page.links
    assert not {"script", "iframe", "object", "embed", "form"} & set(page.tags)
    assert not [a for a in page.attributes if a[1] == "style" or a[1].startswith("on")]


def test_hostile_names_are_only_text(tmp_path: Path, context: ReportContext) -> None:
    record = replace(
        restored(HOSTILE),
        notes=(HOSTILE,),
        outputs=("javascript:alert(1)", "../../x", HOSTILE),
        pictures=(HOSTILE,),
        ruler="|<b>.x",
        failure=failed(HOSTILE).failure,
    )
    hostile = replace(context, title=HOSTILE, command=HOSTILE, settings={HOSTILE: HOSTILE})
    hostile = replace(hostile, refused=(Listed((HOSTILE,), HOSTILE),))
    page = page_of(write_report([record], tmp_path, hostile))
    assert "script" not in page.tags
    assert "b" not in [tag for tag, name, _ in page.attributes if name]
    assert HOSTILE in page.words
    assert "49" not in re.findall(r"\{\{.*?\}\}|49", page.words)
    assert all(link.startswith(("#", "./", "data:")) for link in page.links)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, context: ReportContext) -> None:
    records = [restored(), failed()]
    first = write_report(records, tmp_path, context)
    before = first.read_bytes(), (tmp_path / "report.json").read_bytes()
    write_report(records[::-1], tmp_path, context)
    assert (first.read_bytes(), (tmp_path / "report.json").read_bytes()) == before


def test_the_disclaimer_stands_on_top_and_at_the_bottom(
    tmp_path: Path, context: ReportContext
) -> None:
    words = page_of(write_report([restored()], tmp_path, context)).words
    body = words[words.index(DISCLAIMER) :]
    assert body.count(DISCLAIMER) >= 2
    assert body.strip().endswith(DISCLAIMER)


def test_what_was_missing_filled_expected_and_failed_is_said(
    tmp_path: Path, context: ReportContext
) -> None:
    words = " ".join(page_of(write_report([restored(), failed()], tmp_path, context)).words.split())
    for fact in (
        "positions 4-5, 9",
        "instance numbers 5-6, 10",
        "31.0 (29.0 to 32.5)",
        "mixture (what was used)",
        "Methods on 6 hidden slices",
        "the gap is too wide",
        "Give --force.",
        "the file ends inside the pixel data",
        "note.txt",
        "medgan restore scans -o out",
        "KID ↓",
    ):
        assert fact in words, fact


def test_the_licence_of_the_weights_stands_beside_what_they_made(
    tmp_path: Path, context: ReportContext
) -> None:
    model = {"name": "slices-faithful", "sha256": "ab" * 32, "licence": "CC-BY-SA-4.0"}
    record = replace(restored(), model=model)
    words = page_of(write_report([record], tmp_path, replace(context, models=()))).words
    assert "slices-faithful · weights under CC-BY-SA-4.0" in words


def test_shift_texture_and_adaptation_are_told(tmp_path: Path, context: ReportContext) -> None:
    blend = {"texture": "0.5", "faithful": "one", "natural": "other"}
    hashes = {"faithful_sha256": "cd" * 32, "natural_sha256": "ef" * 32}
    model = {"name": "one-texture-0.5", "sha256": "ab" * 32, "adapted_steps": "90"}
    record = replace(restored(), model=model | blend | hashes, shift_hu=Interval(0.4, -1.2, 2.0))
    words = " ".join(page_of(write_report([record], tmp_path, context)).words.split())
    assert "0.4 (-1.2 to 2.0) HU" in words or "0.4 (−1.2 to 2.0) HU" in words
    assert f"0.5 of the way from one {'cd' * 32} to other {'ef' * 32}" in words
    assert "90 steps" in words
    assert "Texture" not in page_of(write_report([restored()], tmp_path, context)).words


def test_no_picture_is_spoken_of_that_is_not_there(tmp_path: Path, context: ReportContext) -> None:
    assert "spread picture" not in page_of(write_report([restored()], tmp_path, context)).words


def test_links_to_sections_lead_somewhere(tmp_path: Path, context: ReportContext) -> None:
    records = [restored(), failed(), ScanRecord(id="c", status="complete")]
    page = page_of(write_report(records, tmp_path, context))
    targets = {link[1:] for link in page.links if link.startswith("#")}
    assert len(targets) == 2
    assert targets <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_pictures_are_embedded_with_the_caption_they_carry(
    tmp_path: Path, context: ReportContext
) -> None:
    path = drawn(tmp_path / "pictures" / "a.png", "Three <planes>.")
    record = replace(restored(), pictures=("pictures/a.png",))
    page = page_of(write_report([record], tmp_path, context))
    (image,) = [link for link in page.links if link.startswith("data:image/png;base64,")]
    assert base64.b64decode(image.partition(",")[2]) == path.read_bytes()
    assert "Three <planes>." in page.words


def test_pictures_beyond_the_worst_scans_are_linked(tmp_path: Path, context: ReportContext) -> None:
    drawn(tmp_path / "a.png")
    records = [
        replace(restored(f"s{n:03d}"), pictures=("a.png",)) for n in range(EMBEDDED_SCANS + 3)
    ]
    links = page_of(write_report(records, tmp_path, context)).links
    assert sum(link.startswith("data:image") for link in links) == EMBEDDED_SCANS
    assert links.count("./a.png") == 3


@pytest.mark.parametrize("name", ["gone.png", "../outside.png", "text.png", "."])
def test_a_picture_that_cannot_be_shown_is_named_not_an_error(tmp_path: Path, name: str) -> None:
    drawn(tmp_path / "outside.png")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "text.png").write_text("no picture")
    picture = read_picture(name, folder, embed=True)
    assert picture.problem
    assert not picture.data


def test_links_stay_below_the_page() -> None:
    assert relative_link("a b/#1.nii.gz") == "./a%20b/%231.nii.gz"
    assert relative_link("javascript:alert(1)") == "./javascript%3Aalert%281%29"


def test_json_holds_the_records_worst_first_and_the_counts(
    tmp_path: Path, context: ReportContext
) -> None:
    infinite = replace(restored("z"), candidates=())
    infinite = replace(infinite, spacing_mm=(1.0, float("inf"), 1.0))
    write_report([infinite, failed()], tmp_path, context)
    document = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [scan["id"] for scan in document["scans"]] == ["brain/t2", "z"]
    assert document["scans"][1]["spacing_mm"] == [1.0, None, 1.0]
    assert document["summary"]["n_filled"] == 3
    assert document["disclaimer"] == DISCLAIMER
    assert document["set_aside"] == [{"files": ["note.txt"], "reason": "no scan"}]
    assert document["methods"]
    assert ScanRecord.from_json(document["scans"][0]) == failed()


def test_a_folder_that_cannot_be_written_is_a_write_error(
    tmp_path: Path, context: ReportContext
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError):
        write_report([], tmp_path / "file", context)


def test_virtual_scans_alone_have_no_columns_of_filling(
    tmp_path: Path, context: ReportContext
) -> None:
    virtual = ScanRecord(id="case_0001", status="synthetic", modality="mr", shape=(4, 4, 4))
    for records in ([virtual], [virtual, restored()]):
        words = page_of(write_report(records, tmp_path, context)).words
        assert "4×4×4" in words
        assert ("Over linear, dB" in words) == (len(records) == 2)


def test_an_empty_run_is_still_a_page(tmp_path: Path) -> None:
    page = page_of(write_report([], tmp_path, ReportContext()))
    assert DISCLAIMER in page.words
