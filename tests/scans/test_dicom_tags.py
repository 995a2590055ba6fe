"""Raw values against pydicom's own conversions, and faulty ones as absent."""

from __future__ import annotations

import io

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO

from medgan.scans.dicom_tags import Tags


def reread(dataset: Dataset, *, implicit: bool = False) -> Tags:
    """Values as they come from a file: raw, not yet converted."""
    buffer = DicomBytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=True)
    return Tags(pydicom.dcmread(io.BytesIO(buffer.getvalue()), force=True))


@pytest.fixture
def dataset() -> Dataset:
    dataset = Dataset()
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.Rows = 512
    dataset.add_new(0x00189087, "FD", 1000.5)
    dataset.SliceThickness = " 2.50 "
    dataset.InstanceNumber = "12"
    dataset.PixelSpacing = ["0.5", "0.25"]
    dataset.add_new(0x00280120, "SS", -2000)
    return dataset


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("raw", [False, True])
def test_values(dataset: Dataset, implicit: bool, raw: bool) -> None:
    if implicit:
        dataset.PixelRepresentation = 1
    tags = reread(dataset, implicit=implicit) if raw else Tags(dataset)
    assert tags.texts(0x00080008) == ("ORIGINAL", "PRIMARY")
    assert tags.integer(0x00280010, "US") == 512
    assert tags.number(0x00189087, "FD") == 1000.5
    assert tags.number(0x00180050) == 2.5
    assert tags.integer(0x00200013) == 12
    assert tags.numbers(0x00280030) == (0.5, 0.25)
    assert tags.integer(0x00280120, "SS") == -2000


def test_absent_and_faulty_values_are_absent() -> None:
    dataset = Dataset()
    dataset.add_new(0x00200032, "LO", "1\\two\\3")
    dataset.add_new(0x00280030, "LO", "nan\\1")
    dataset.add_new(0x00180050, "LO", "")
    tags = Tags(dataset)
    assert tags.numbers(0x00200032) == ()
    assert tags.numbers(0x00280030) == ()
    assert tags.number(0x00180050) is None
    assert tags.text(0x00104000) == ""
    assert tags.items(0x00082112) == []
    assert tags.item(0x00082112) is None


def test_a_value_that_the_file_cuts_short_is_absent(dataset: Dataset) -> None:
    """`0.5\\0.2` would be read from a file that ends inside `0.5\\0.25`."""
    buffer = DicomBytesIO()
    del dataset[0x00280120]
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True)
    content = buffer.getvalue()
    cut = Tags(pydicom.dcmread(io.BytesIO(content[:-2]), force=True))
    assert cut.numbers(0x00280030) == ()
    assert Tags(pydicom.dcmread(io.BytesIO(content), force=True)).numbers(0x00280030)


def test_pointers() -> None:
    dataset = Dataset()
    dataset.DimensionIndexPointer = 0x00209057
    assert Tags(dataset).pointer(0x00209165) == 0x00209057
    assert reread(dataset).pointer(0x00209165) == 0x00209057
    assert Tags(dataset).pointer(0x00209166) is None
