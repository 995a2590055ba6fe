"""What a person sees while a pipeline runs: a line per scan, time left, and a summary.

On a terminal a bar stands below the lines; elsewhere there are only lines, so that a log file
reads well. All of it goes to one rich console, which the command line points at stdout or stderr.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from medgan.errors import printable
from medgan.pipeline.export_words import corrections_in_words
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Listed
from medgan.pipeline.summary import RunSummary
from medgan.pipeline.watch import seconds_left
from medgan.record import Failure, ScanRecord

TELL_S = 60.0
"""How often time left is told where there is no terminal."""


class Progress:
    """Shows a run on a console.

    Parameters
    ----------
    console
        Where to; None shows nothing.
    is_verbose
        Also name what needed no work and what was set aside.
    """

    def __init__(self, console: Console | None, *, is_verbose: bool = False) -> None:
        self._console = console
        self._is_verbose = is_verbose
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._n = self._total = 0
        self._started = self._last_told = time.monotonic()

    @classmethod
    def silent(cls) -> Progress:
        """Return one that shows nothing."""
        return cls(None)

    def begin(self, group: Sequence[Step], n_todo: int, n_up_to_date: int, listed: Listed) -> None:
        """Start a group: how much of it there is to do."""
        self._close_bar()
        self._n, self._total = 0, n_todo
        self._started = self._last_told = time.monotonic()
        names = " > ".join(step.name for step in group)
        self._list(listed)
        if n_up_to_date:
            self._say(f"{names}: {n_up_to_date} up to date" + ("" if n_todo else ", nothing to do"))
        if n_todo > 1 and self._console is not None and self._console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[left]}"),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(names, total=n_todo, left="")

    def unit(self, outcome: Outcome) -> None:
        """Show one outcome."""
        self._n += 1
        width = len(str(self._total))
        counter = f"[{self._n:>{width}}/{self._total}] " if self._total > 1 else ""
        self._say(counter + line(outcome))
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._n, left=self._time_left())
        elif self._n < self._total and time.monotonic() - self._last_told > TELL_S:
            self._last_told = time.monotonic()
            self._say(f"{self._n} of {self._total}, {self._time_left()}")

    def suspect(self, outcome: Outcome) -> None:
        """Say that a scan is to be tried again."""
        name = outcome.unit.split("/", 2)[-1]
        self._say(f"{name}  {_fault(outcome.failure)}; once more, alone, when all others are done")

    def note(self, text: str) -> None:
        """Show one line that belongs to no unit."""
        self._say(text)

    def end(self, summary: RunSummary) -> None:
        """Show what the run came to."""
        self._close_bar()
        for text in summary_lines(summary):
            self._say(text)

    def broken(self, error: BaseException) -> None:
        """Leave it to whoever shows the error."""
        self._close_bar()

    def close(self) -> None:
        """Leave the terminal as it was; safe to call twice."""
        self._close_bar()

    def _list(self, listed: Listed) -> None:
        failed = [record for record in listed.records if record.status == "failed"]
        rest = [record for record in listed.records if record.status != "failed"]
        for record in failed:
            self._say(f"{record.id}  {_fault(record.failure)}  FAILED")
        if rest and not self._is_verbose:
            self._say(f"{_count(len(rest), 'scan')} with nothing to do (-v names them)")
        elif rest:
            for record in rest:
                self._say(f"{record.id}  {'; '.join(record.notes) or 'complete'}")
        if self._is_verbose:
            for note in listed.notes:
                self._say(f"set aside: {', '.join(note['files'])}: {note['reason']}")

    def _time_left(self) -> str:
        left = seconds_left(time.monotonic() - self._started, self._n, self._total)
        return f"about {_duration(left)} left"

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _say(self, text: str) -> None:
        if self._console is not None:
            self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def line(outcome: Outcome) -> str:
    """One outcome as `id  what was done  estimate  seconds  verdict`."""
    verdict = "OK" if outcome.is_done else "FAILED"
    records = outcome.records
    if outcome.failure is not None:
        what = _fault(outcome.failure)
    elif len(records) == 1:
        what = describe(records[0])
    elif records:
        what = f"{_count(len(records), 'scan')}: {describe(records[0])}, ..."
    else:
        what = ""
    name = outcome.unit.split("/", 2)[-1]  # without pipeline and source
    parts = [name, what]
    return "  ".join([*filter(None, parts), f"{outcome.seconds:.1f} s", verdict])


def describe(record: ScanRecord) -> str:
    """Say what was done to one scan, and how wrong it is expected to be."""
    if record.status == "synthetic":
        return "virtual scan"
    if record.status == "copied" and record.missing:
        return f"copied, {_count(len(record.missing), 'missing slice')} left as they are"
    if record.status != "restored":
        return record.status
    if record.corrections:
        return _corrected(record)
    if record.regions:
        return f"{_count(len(record.regions), 'region')} filled  {_estimate(record)}"
    positions = sorted(filled.position for filled in record.filled)
    n_gaps = sum(1 for p in positions if p - 1 not in positions)
    text = f"{_count(n_gaps, 'gap')}, {_count(len(positions), 'slice')} filled"
    if record.damaged:
        text += f" ({_count(len(record.damaged), 'damaged slice')} among them)"
    return f"{text}  {_estimate(record)}"


def _corrected(record: ScanRecord) -> str:
    """Say what was done to every slice, and what it is expected to gain."""
    gains = [one.gain_db for one in record.corrections if one.gain_db is not None]
    expected = f"  expected gain {gains[0]:.1f} dB" if gains else ""
    return f"every slice changed: {corrections_in_words(record)}{expected}"


def _estimate(record: ScanRecord) -> str:
    by_name: dict[str, float] = {}
    for candidate in record.candidates:  # those of the first kind of gap come first
        by_name.setdefault(candidate.name, candidate.psnr_db)
    if "mixture" not in by_name:
        return "no estimate"
    linear = f" (linear {by_name['linear']:.1f})" if "linear" in by_name else ""
    return f"est. {by_name['mixture']:.1f} dB{linear}"


def summary_lines(summary: RunSummary) -> list[str]:
    """Return the lines at the end of a run."""
    left = {id(record) for record in summary.waiting}
    states = ("not done" if id(r) in left else r.status for r in summary.records)
    counts = sorted(Counter[str](states).items())
    lines = [", ".join(f"{n} {state}" for state, n in counts) or "no scans"]
    if summary.n_up_to_date and not summary.n_done:
        lines[0] += "; everything is up to date, nothing was done again"
    if summary.notes:
        n_files = sum(len(note["files"]) for note in summary.notes)
        has_report = any(name.startswith("report.") for name in summary.outputs)
        where = "see the report" if has_report else "-v names them"
        lines.append(f"{_count(n_files, 'file')} set aside, {where}")
    return lines + trouble_lines(summary)


def trouble_lines(summary: RunSummary) -> list[str]:
    """Return what did not go well, which a person who asked for silence is told as well."""
    lines = []
    for record in summary.failed:
        lines.append(f"failed: {record.id}: {_fault(record.failure)}")
        if record.failure is not None and record.failure.hint:
            lines.append(f"  try: {record.failure.hint}")
        if record.failure is not None and record.failure.trace:
            lines.append(f"  traceback: {record.failure.trace}")
    lines += _waiting_lines(summary)
    lines += [
        f"damaged: {r.id}: positions {', '.join(map(str, r.damaged))} could not be decoded"
        for r in summary.damaged
    ]
    if summary.stopped:
        lines.append(f"stopped: {_fault(summary.stopped)}")
    if summary.unreported:
        lines.append(f"failed: {_fault(summary.unreported)}; the same command does it again")
    if summary.cut_short:
        lines.append(f"stopped: {summary.cut_short}; the same command goes on from here")
    return lines


def _waiting_lines(summary: RunSummary) -> list[str]:
    """Count scans that a run did not come to, by why: there may be thousands."""
    reasons = Counter(record.failure.what for record in summary.waiting if record.failure)
    return [f"not done yet: {_count(n, 'scan')}: {why}" for why, n in sorted(reasons.items())]


def _fault(failure: Failure | None) -> str:
    if failure is None:
        return "no reason known"
    where = f" ({failure.where})" if failure.where else ""
    return f"{failure.stage}: {failure.what}{where}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
