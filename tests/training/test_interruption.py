"""Signals become a flag, and nothing else; a second Ctrl-C does not wait."""

from __future__ import annotations

import os
import signal

import pytest

from medgan.training.interruption import SIGNALS, handled, interruptible, raise_interrupt


@pytest.mark.parametrize("kind", SIGNALS)
def test_a_signal_is_remembered_and_handlers_come_back(kind: signal.Signals) -> None:
    before = signal.getsignal(kind)
    with interruptible() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), kind)
        assert interrupted()
    assert signal.getsignal(kind) == before


def test_a_scheduler_may_repeat_itself_and_a_person_is_obeyed() -> None:
    with interruptible():
        for kind in (signal.SIGTERM, signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
            os.kill(os.getpid(), kind)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_launcher_may_pass_on_what_the_terminal_sent_already() -> None:
    with interruptible(is_alone=False) as interrupted:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        assert interrupted()


@pytest.mark.parametrize("kind", SIGNALS)
def test_between_steps_it_acts_at_once(kind: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), handled(raise_interrupt):
        os.kill(os.getpid(), kind)
