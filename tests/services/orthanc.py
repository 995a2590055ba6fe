"""An Orthanc server (Debian packages orthanc, orthanc-dicomweb) of a test's own, on loopback."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

USER, PASSWORD = "somebody", "s3cret"
PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")
STARTING_S = 60


@dataclass(frozen=True)
class Orthanc:
    """A running server; with TLS for its DICOM port only.

    Orthanc 1.10.1 of Debian 12 ends at the first HTTPS request it gets, so DICOMweb with TLS is
    tried on a server of our own (tests/scans/pacs/test_web.py).
    """

    dicom_port: int
    http_port: int
    is_tls: bool

    @property
    def node(self) -> str:
        return f"{'dicoms' if self.is_tls else 'dicom'}://ORTHANC@localhost:{self.dicom_port}"

    @property
    def web(self) -> str:
        return f"http://localhost:{self.http_port}/dicom-web"

    def statistics(self) -> dict[str, Any]:
        """Its own count of what it holds."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}/statistics")
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(json.load(answer))


def need_orthanc() -> tuple[str, str]:
    """Return program and DICOMweb plugin; skip where one is missing."""
    program = shutil.which("Orthanc")
    if program is None:
        pytest.skip("Orthanc is not installed (Debian: apt-get install orthanc)")
    found = [path for folder in PLUGINS for path in Path(folder).glob("libOrthancDicomWeb.so*")]
    if not found:
        pytest.skip("its DICOMweb plugin is not installed (Debian: orthanc-dicomweb)")
    return program, str(found[0])


@contextmanager
def running(
    folder: Path, certificate: Path | None = None, key: Path | None = None
) -> Iterator[Orthanc]:
    """Start a server with an empty storage, and end it with the block."""
    program, plugin = need_orthanc()
    server = Orthanc(_free_port(), _free_port(), certificate is not None)
    settings: dict[str, Any] = {
        "Name": "medgan test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": server.http_port,
        "DicomPort": server.dicom_port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "Plugins": [plugin],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    if certificate is not None and key is not None:
        settings |= {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(certificate),
            "DicomTlsPrivateKey": str(key),
            "DicomTlsTrustedCertificates": str(certificate),
            "DicomTlsRemoteCertificateRequired": False,
        }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(folder / "orthanc.json")], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(server, process, folder / "orthanc.log")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(server: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(STARTING_S * 10):
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            for port in (server.http_port, server.dicom_port):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"Orthanc did not start: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
