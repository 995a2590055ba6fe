"""Try compressed files in a child process, so that a decoder that crashes or hangs costs one file.

The child is a plain subprocess that talks in lines, not a `multiprocessing` one: it must also start
from unguarded scripts and from inside data loader workers, which may have no children.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import medgan

TIME_LIMIT_S = 30.0
"""For one file. A 512 x 512 slice decodes in about 0.05 s, an object of 1,000 frames in 20 s."""

OK, HUNG, CRASHED = "ok", "its decoder hung", "its decoder crashed"
START_ALLOWANCE_S = 60.0
"""Starting an interpreter on a busy machine is not the decoder's fault."""

_SERVE = "from medgan.scans.decode_check import serve; serve()"


def undecodable(paths: Iterable[Path], time_limit_s: float = TIME_LIMIT_S) -> dict[Path, str]:
    """Decode each file in a child process.

    Parameters
    ----------
    paths
        Compressed DICOM files.
    time_limit_s
        For one file; the child is killed when it is over, and a new one goes on.

    Returns
    -------
    Reasons by file, for those that do not decode to what their header says.
    """
    faults: dict[Path, str] = {}
    child: _Child | None = None
    for path in paths:
        child = child or _Child()
        answer = child.ask(path, time_limit_s)
        if answer != OK:
            faults[path] = answer
        if answer in (HUNG, CRASHED):
            child.stop()
            child = None
    if child is not None:
        child.stop()
    return faults


class _Child:
    """One decoding process: a path in, a line out."""

    def __init__(self) -> None:
        package = str(Path(medgan.__file__).parent.parent)
        search = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH", "")) if p)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"},
            encoding="utf-8",
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._started = False

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line.rstrip("\n"))
        self._answers.put("")

    def ask(self, path: Path, time_limit_s: float) -> str:
        """Return the child's answer on one file, or what became of the child."""
        assert self._process.stdin is not None
        limit_s = time_limit_s if self._started else time_limit_s + START_ALLOWANCE_S
        self._started = True
        try:
            # As JSON, since a path may hold line breaks and bytes that are no text.
            self._process.stdin.write(json.dumps(str(path.absolute())) + "\n")
            self._process.stdin.flush()
            return self._answers.get(timeout=limit_s) or CRASHED
        except queue.Empty:
            return HUNG
        except OSError:
            return CRASHED

    def stop(self) -> None:
        """End the child."""
        assert self._process.stdin is not None
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._process.stdin.close()


def serve() -> None:
    """Answer each path on standard input with `OK` or the reason why it does not decode."""
    from medgan.errors import ReadError
    from medgan.scans.dicom_header import read_planes
    from medgan.scans.dicom_pixels import read_stored

    # Native decoders may print; answers keep a channel of their own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        reading = read_planes(Path(json.loads(line)))
        answer = reading.refused or OK
        if reading.planes:
            header = reading.planes[0].header
            try:
                for _ in read_stored(header, range(header.n_frames)):
                    pass
            except (ReadError, OSError) as error:
                answer = getattr(error, "what", "") or type(error).__name__
        answers.write(f"{answer}\n")
        answers.flush()
