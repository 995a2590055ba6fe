"""No test reaches beyond this machine, nor does a process that it starts."""

from __future__ import annotations

import multiprocessing
import socket
import subprocess
import sys
import threading

import pytest

AWAY = ("192.0.2.1", 9)  # TEST-NET-1, RFC 5737: nobody's


def reach() -> None:
    socket.create_connection(AWAY, timeout=5)


@pytest.mark.enable_socket
def test_this_process_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"reached for the network|address of 192\.0\.2\.1"):
        reach()
    with socket.socket() as one, pytest.raises(RuntimeError, match="reached for the network"):
        one.connect(AWAY)
    with pytest.raises(RuntimeError, match="address of example"):
        socket.getaddrinfo("example.org", 80)


def test_a_program_that_is_started_is_refused_too() -> None:
    code = f"import socket; socket.create_connection({AWAY})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "NetworkRefusedError" in done.stderr


def test_so_is_a_spawned_child() -> None:
    child = multiprocessing.get_context("spawn").Process(target=reach)
    child.start()
    child.join()
    assert child.exitcode == 1


@pytest.mark.enable_socket
def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=lambda: server.accept()[0].close())
        answering.start()
        socket.create_connection(server.getsockname(), timeout=5).close()
        answering.join()
