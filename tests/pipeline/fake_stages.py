"""Stages that do nothing but what their input file says; registered when this is imported."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from medgan.errors import RestoreError
from medgan.pipeline import child
from medgan.pipeline.stage import (
    Context,
    Done,
    Item,
    Left,
    Listed,
    PerRun,
    PerScan,
    Source,
    Volume,
    Work,
)
from medgan.pipeline.table import STAGES
from medgan.record import Failure, ScanRecord
from medgan.scans import Grid, Scan
from medgan.scans import Source as Files
from medgan.settings import Settings

UNREADABLE = "unreadable"
"""What a file holds that the fake source refuses."""


class ListSettings(Settings):
    """Settings of the fake source."""


class WorkSettings(Settings):
    """Settings of the fake per-scan stage."""

    suffix: str = ".out"
    model: str | None = None
    load: str = "ok"


def list_texts(settings: ListSettings, context: Context, done: Done) -> Listed:
    assert context.input is not None
    paths = sorted(context.input.glob("*.txt"))
    items = tuple(
        Item(
            id=path.stem,
            payload=path,
            facts={},
            files=(path,),
            records=(ScanRecord(path.stem, "complete", format="text", sources=(path.name,)),),
        )
        for path in paths
        if path.read_text() != UNREADABLE
    )
    why = Failure("fake_list", "Refused", "cannot be read")
    refused = tuple(
        ScanRecord(path.name, "failed", sources=(path.name,), failure=why)
        for path in paths
        if path.read_text() == UNREADABLE
    )
    return Listed(items, refused, ({"files": ["stray"], "reason": "no scan"},))


def open_text(item: Item, settings: ListSettings, context: Context, loaded: None) -> Iterator[Work]:
    scan = Scan(
        id=item.payload.read_text(),
        stored=np.zeros((2, 2, 2), np.int16),
        grid=Grid((2, 2, 2), np.eye(4)),
        axis=2,
        present=np.ones(2, bool),
        synthetic=np.zeros(2, bool),
        slope=np.ones(2),
        intercept=np.zeros(2),
        modality="mr",
        format="nifti",
        source=Files(item.payload, (item.payload,)),
    )
    yield Work(item.id, (Volume(scan, scan, item.records[0]),))


_notes: list[Path] = []
"""Where this process writes down what it does."""


def load(settings: WorkSettings, context: Context) -> int:
    if settings.load == "raise":
        raise RestoreError("the model is broken", where="model", hint="Mend it.")
    if settings.load == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if settings.load == "slow":
        time.sleep(2.5)
    _notes[:] = [context.state]
    log = context.state / "loads.txt"
    with log.open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    return os.getpid()


def work(work: Work, settings: WorkSettings, context: Context, loaded: int) -> Work:
    assert loaded == os.getpid()
    order = work.volumes[0].scan.id.strip()
    target = context.out / f"{work.id}{settings.suffix}"
    target.write_text(f"half of {work.id}")
    state = _notes[0]  # `context` is that of the staging folder
    with (state / "tries.txt").open("a") as stream:
        stream.write(f"{work.id}\n")
    _obey(order, state / f"{work.id}.once")
    target.write_text(f"all of {work.id}: {order}")
    return Work(work.id, work.volumes, (target,))


def _obey(order: str, once: Path) -> None:
    if order == "raise":
        raise ValueError("secret patient name")
    if order == "refuse":
        raise RestoreError("cannot be filled", where="somewhere", hint="Try something.")
    if order == "die" or (order == "die once" and not once.exists()):
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "die with parent":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    if order == "hang":
        time.sleep(60)
    if order == "slow":
        time.sleep(0.4)
    if order == "brief":
        time.sleep(0.05)
    if order == "eat unwatched":  # as if one call never let go of the interpreter
        child.resident_mb = lambda: 0.0  # type: ignore[assignment]
    if order in ("eat", "eat unwatched"):
        hoard = [np.ones(25_000_000 // 8) for _ in range(40)]
        time.sleep(20 + len(hoard))


def total(done: Done, settings: ListSettings, context: Context) -> Left:
    context.say("all are counted")
    target = context.out / "total.txt"
    target.write_text("\n".join(f"{record.id} {record.status}" for record in done.records))
    return Left((target,), {"n": len(done.records)})


def fail(done: Done, settings: ListSettings, context: Context) -> Left:
    raise RestoreError("this stage never works", where="here", hint="Leave it out.")


def model_files(settings: WorkSettings, context: Context) -> tuple[Path, ...]:
    return (Path(settings.model),) if settings.model else ()


for stage in (
    Source("fake_list", 1, ListSettings, list_texts, open_text),
    PerScan("fake_work", 1, WorkSettings, work, load, model_files),
    PerRun("fake_total", 1, ListSettings, total, is_always_run=True),
    PerRun("fake_fail", 1, ListSettings, fail),
):
    STAGES[stage.name] = stage
