"""A running process and all that it started: which there are, and what they listen to (Linux)."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

LISTENING = "0A"


def family(pid: int) -> set[int]:
    """Ids of a process and of all below it."""
    below: dict[int, set[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            below.setdefault(parent, set()).add(int(stat.parent.name))
    found, new = set[int](), {pid}
    while new:
        found |= new
        new = {child for one in new for child in below.get(one, ())} - found
    return found


def parent(pid: int) -> int:
    """Id of the process that started this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_alive(pid: int) -> bool:
    """Whether it runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def listening(pids: set[int]) -> set[tuple[str, int]]:
    """Addresses and ports on which these processes listen."""
    inodes = set[str]()
    for pid in pids:
        with contextlib.suppress(OSError):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    inodes.add(str(handle.readlink()).removeprefix("socket:[").rstrip("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENING and words[9] in inodes:
                found.add(_address(words[1]))
    return found


def _address(text: str) -> tuple[str, int]:
    host, port = text.split(":")
    packed = b"".join(struct.pack("<I", int(host[n : n + 8], 16)) for n in range(0, len(host), 8))
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, packed), int(port, 16)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
