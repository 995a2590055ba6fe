from __future__ import annotations

import sys
from pathlib import Path

import pytest

from medgan.errors import UsageError
from medgan.scans.pacs import Access, Tls, connect, parse_address


@pytest.mark.parametrize(
    ("address", "module", "library"),
    [("dicom://A@h", "dimse", "pynetdicom"), ("https://h", "web", "dicomweb_client")],
)
def test_a_missing_extra_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, address: str, module: str, library: str
) -> None:
    for name in [n for n in sys.modules if n.startswith("medgan.scans.pacs.")]:
        if name.rpartition(".")[2] in (module, "association", "query", "retrieve", "store"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=f"{library} is not installed") as caught:
        connect(parse_address(address), Access())
    assert caught.value.hint == "pip install '.[pacs]' in the checkout"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("address", ["dicom://A@h", "http://h/dicom-web"])
def test_tls_files_are_not_silently_left_unused(address: str) -> None:
    with pytest.raises(UsageError, match="without TLS"):
        connect(parse_address(address), Access(tls=Tls(ca=Path("ca.pem"))))
