"""SLURM on one node of a test's own (Debian packages slurm-wlm, munge): own ports, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
STARTING_S = 60
CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
SlurmdParameters=config_overrides
MailProg=/bin/true
ReturnToService=2
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 Port={node_port} CPUs=16 RealMemory=64000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE
"""


@dataclass(frozen=True)
class Slurm:
    """A running SLURM.

    Parameters
    ----------
    environment
        Of a process that sends jobs to it.
    """

    environment: dict[str, str]

    def ask(self, *words: str) -> list[str]:
        """Run one of its commands; returns the lines it printed."""
        done = subprocess.run(
            words, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    def jobs(self, states: str = "pending,running,completing") -> list[str]:
        """Ids of jobs in these states; `all`: also those that have ended."""
        return self.ask("squeue", "--noheader", "--format=%A", "--array", "--states", states)


@contextmanager
def running(folder: Path) -> Iterator[Slurm]:
    """Start it, and end it and all its jobs with the block; skip where that is not possible."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed (Debian: apt-get install slurm-wlm munge)")
    if os.getuid() != 0:
        pytest.skip("SLURM starts as root only")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().partition(".")[0]
    ports = {"controller_port": _free_port(), "node_port": _free_port()}
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(folder=folder, host=host, **ports))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    slurm = Slurm(os.environ | {"SLURM_CONF": str(config)})
    munge = [f"--{what}-file={folder}/munge.{what}" for what in ("key", "pid", "log", "seed")]
    with ExitStack() as held:
        for name, words in {
            "munged": ("--foreground", "--force", f"--socket={folder}/munge.socket", *munge),
            "slurmctld": ("-D", "-c"),
            "slurmd": ("-D", "-c", "-N", host),
        }.items():
            log = held.enter_context((folder / f"{name}.log").open("wb"))
            daemon = subprocess.Popen(
                [name, *words], env=slurm.environment, stdout=log, stderr=subprocess.STDOUT
            )
            held.callback(_end, daemon)
            if name == "munged":
                _wait_until(lambda: (folder / "munge.socket").exists(), folder)
        _wait_until(lambda: _is_idle(slurm), folder)
        held.callback(_wait_until, lambda: not slurm.jobs(), folder)
        held.callback(slurm.ask, "scancel", "--user=root")
        yield slurm


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(timeout=30)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _is_idle(slurm: Slurm) -> bool:
    try:
        return slurm.ask("sinfo", "--noheader", "--format=%t") == ["idle"]
    except subprocess.CalledProcessError:
        return False


def _wait_until(condition: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + STARTING_S
    while not condition():
        if time.monotonic() > end:
            logs = "\n".join(log.read_text()[-800:] for log in sorted(folder.glob("*.log")))
            pytest.fail(f"SLURM does not do what it should: {logs}")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
