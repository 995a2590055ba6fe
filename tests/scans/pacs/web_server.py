"""A small DICOMweb server on loopback, with faults to order; written from PS3.18 alone."""

from __future__ import annotations

import json
import re
import ssl
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydicom import dcmread
from pydicom.dataset import Dataset

TAGS = {
    "0020000D": "StudyInstanceUID",
    "0020000E": "SeriesInstanceUID",
    "00080018": "SOPInstanceUID",
    "00100020": "PatientID",
    "00080050": "AccessionNumber",
    "00080060": "Modality",
    "0008103E": "SeriesDescription",
    "00080016": "SOPClassUID",
}
UNIQUE = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}


@dataclass
class Server:
    """What it holds, what it shall do wrong, and what it was asked.

    Parameters
    ----------
    statuses
        Answer the next requests so, whatever they ask.
    cut_after
        Break the next series off after this many instances, mid-instance.
    page
        Entries in one answer, at most.
    """

    held: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    bad_instances: dict[str, int] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    page: int = 1000
    ignores_offset: bool = False
    login: str = ""
    body: bytes | None = None
    go_to: str = ""
    handed: Counter[str] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)
    paths: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, files: list[Path]) -> None:
        self.held |= {dcmread(file).SOPInstanceUID: file.read_bytes() for file in files}


class _Handler(BaseHTTPRequestHandler):
    server: Any
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self._is_faulty():
            return
        parts = urlsplit(self.path)
        names = [name for name in parts.path.removeprefix("/dicom-web/").split("/") if name]
        asked = {TAGS.get(k, k): v for k, v in parse_qsl(parts.query)}
        for name, uid in zip(names[::2], names[1::2], strict=False):
            asked[TAGS[UNIQUE[name]]] = uid
        if len(names) % 2:
            self._search(UNIQUE[names[-1]], asked)
        else:
            self._retrieve(asked)

    def do_POST(self) -> None:
        body = self._body()
        if self._is_faulty():
            return
        state: Server = self.server.state
        failed: list[dict[str, Any]] = []
        for part in re.split(rb"--0f3cf5c0[-0-9a-f]+(?:--)?", body):
            if b"\r\n\r\n" not in part:
                continue
            data = part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
            uid = dcmread(BytesIO(data)).SOPInstanceUID
            if uid in state.bad_instances:
                reason = {"vr": "US", "Value": [state.bad_instances[uid]]}
                failed.append({"00081197": reason, "00081155": {"vr": "UI", "Value": [uid]}})
            else:
                state.held[uid] = data
                state.stored[uid] += 1
        answer = {"00081198": {"vr": "SQ", "Value": failed}} if failed else {}
        self._answer(200, json.dumps(answer).encode(), "application/dicom+json")

    def _is_faulty(self) -> bool:
        state: Server = self.server.state
        state.paths.append(self.path)
        if state.login:
            right = f"Basic {b64encode(state.login.encode()).decode()}"
            if self.headers.get("Authorization") != right:
                self._answer(401)
                return True
        if state.go_to:
            self.send_response(302)
            self.send_header("Location", state.go_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return True
        if state.statuses:
            self._answer(state.statuses.pop(0))
            return True
        if state.body is not None:
            self._answer(200, state.body, "text/html")
            return True
        return False

    def _matches(self, asked: dict[str, str]) -> list[tuple[Dataset, bytes]]:
        keys = set(TAGS.values()) & set(asked)
        read = [(dcmread(BytesIO(data)), data) for data in self.server.state.held.values()]
        return [r for r in read if all(r[0].get(key) == asked[key] for key in keys)]

    def _search(self, unique: str, asked: dict[str, str]) -> None:
        state: Server = self.server.state
        found: dict[str, dict[str, Any]] = {}
        for dataset, _ in self._matches(asked):
            entry = {
                tag: {"vr": "LO", "Value": [str(dataset.get(keyword))]}
                for tag, keyword in TAGS.items()
                if keyword in dataset
            }
            found[dataset[unique].value] = entry
        start = 0 if state.ignores_offset else int(asked.get("offset", 0))
        entries = list(found.values())[start : start + state.page]
        self._answer(200, json.dumps(entries).encode(), "application/dicom+json")

    def _retrieve(self, asked: dict[str, str]) -> None:
        state: Server = self.server.state
        found = self._matches(asked)
        single = asked.get("SOPInstanceUID", "")
        if single in state.bad_instances:
            self._answer(state.bad_instances[single])
            return
        if not single and any(d.SOPInstanceUID in state.bad_instances for d, _ in found):
            self._answer(406)
            return
        limit = state.cut_after.pop(0) if state.cut_after and not single else None
        body = b""
        for n, (dataset, data) in enumerate(found):
            body += b"--edge\r\nContent-Type: application/dicom\r\n\r\n"
            if n == limit:
                body += data[: len(data) // 2]
                break
            body += data + b"\r\n"
            state.handed[dataset.SOPInstanceUID] += 1
        whole = body + b"--edge--\r\n"
        kind = 'multipart/related; type="application/dicom"; boundary=edge'
        if limit is None:
            self._answer(200, whole, kind)
        else:
            self._answer(200, body, kind, promised=len(whole) + 1000)
            self.close_connection = True

    def _answer(
        self, status: int, body: bytes = b"", kind: str = "text/plain", promised: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


@contextmanager
def serving(
    server: Server | None = None, certificate: tuple[Path, Path] | None = None
) -> Iterator[Server]:
    """Run a server for the length of a block."""
    state = server or Server()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    listener.daemon_threads = True
    listener.state = state  # type: ignore[attr-defined]
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
        listener.socket = context.wrap_socket(
            listener.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "http" if certificate is None else "https"
    state.url = f"{scheme}://localhost:{listener.server_address[1]}/dicom-web"
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        listener.shutdown()
        listener.server_close()
