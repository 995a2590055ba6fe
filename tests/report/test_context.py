from pathlib import Path

from medgan.report import Listed, listed
from medgan.scans import Listing, Refused, SetAside


def test_listed_takes_what_a_listing_prints(tmp_path: Path) -> None:
    listing = Listing(
        tmp_path,
        scans=(),
        refused=(Refused((tmp_path / "a" / "1.dcm",), "cut short"),),
        set_aside=(SetAside((tmp_path / "note.txt",), "no scan"),),
    )
    document = listing.as_json()
    assert listed(document["refused"]) == (Listed(("a/1.dcm",), "cut short"),)
    assert listed(document["set_aside"]) == (Listed(("note.txt",), "no scan"),)
