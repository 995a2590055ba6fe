"""Refuses every connection that leaves this machine, in tests and in all that they start.

Python imports a module of this name when it starts; `tests/conftest.py` puts its folder on the
path of child processes. What opens sockets without Python's `socket` is out of its sight: for that,
run the tests in a network of their own (`.ci/run`).
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

_SOCKET = socket.socket
_true_connect = _SOCKET.connect
_true_connect_ex = _SOCKET.connect_ex
_true_sendto = _SOCKET.sendto
_true_getaddrinfo = socket.getaddrinfo
NEAR = {"", "localhost", "ip6-localhost"}


class NetworkRefusedError(RuntimeError):
    """No OSError, which code under test would take for a peer that is not there."""


def is_near(host: object) -> bool:
    """Whether a host is this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in NEAR or name == socket.gethostname():
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _check(sock: socket.socket, address: Any) -> None:
    is_inet = sock.family in (socket.AF_INET, socket.AF_INET6)
    if is_inet and not is_near(address[0]):
        raise NetworkRefusedError(f"a test reached for the network: {address[0]}")


def _connect(sock: socket.socket, address: Any) -> None:
    _check(sock, address)
    _true_connect(sock, address)


def _connect_ex(sock: socket.socket, address: Any) -> int:
    _check(sock, address)
    return _true_connect_ex(sock, address)


def _sendto(sock: socket.socket, data: Any, *where: Any) -> int:
    _check(sock, where[-1])
    return _true_sendto(sock, data, *where)


def _getaddrinfo(host: Any, *more: Any, **named: Any) -> Any:
    if not is_near(host):
        raise NetworkRefusedError(f"a test asked for the address of {host}")
    return _true_getaddrinfo(host, *more, **named)


def refuse() -> None:
    """Put the refusal in place."""
    _SOCKET.connect = _connect  # type: ignore[assignment,method-assign]
    _SOCKET.connect_ex = _connect_ex  # type: ignore[method-assign]
    _SOCKET.sendto = _sendto  # type: ignore[assignment,method-assign]
    socket.getaddrinfo = _getaddrinfo


refuse()
