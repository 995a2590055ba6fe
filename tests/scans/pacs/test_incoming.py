from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from medgan.scans.pacs.incoming import is_whole, is_whole_file, place
from medgan.scans.pacs.peer import RemoteSeries
from tests.scans.series import make_series, save


def written(folder: Path, syntax: str) -> tuple[str, bytes]:
    dataset: Dataset = make_series(n=1)[0]
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
    return dataset.SOPInstanceUID, save([dataset], folder)[0].read_bytes()


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
    ],
)
def test_a_file_cut_anywhere_in_its_pixels_is_not_whole(tmp_path: Path, syntax: str) -> None:
    uid, data = written(tmp_path, syntax)
    assert is_whole(data, uid)
    assert not is_whole(data, "1.2.3")
    is_deflated = syntax == DeflatedExplicitVRLittleEndian  # its last byte may be padding
    for n in (
        2 if is_deflated else 1,
        2,
        3,
        4,
        7,
        8,
        9,
        40,
        200,
        len(data) - 200,
        len(data) - 10,
        len(data),
    ):
        assert not is_whole(data[:-n], uid), n


def test_a_file_that_is_not_there_or_is_something_else_is_not_whole(tmp_path: Path) -> None:
    assert not is_whole_file(tmp_path / "nothing.dcm", "1.2")
    (tmp_path / "junk.dcm").write_bytes(b"junk" * 100)
    assert not is_whole_file(tmp_path / "junk.dcm", "1.2")


def test_names_do_not_hold_uids_and_are_always_the_same() -> None:
    series = RemoteSeries("1.2.840.1", "1.2.840.2")
    path = place(Path("in"), series, "1.2.840.3")
    assert path == place(Path("in"), series, "1.2.840.3")
    assert path != place(Path("in"), series, "1.2.840.4")
    assert path.parent.name.startswith("series_")
    assert (path.parts[0], path.suffix) == ("in", ".dcm")
    assert "." not in path.stem + path.parent.name
