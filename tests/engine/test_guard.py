"""Signals that come at any moment."""

import os
import signal

import pytest

from ppocr_like.engine.guard import Interrupted, Signals
from ppocr_like.errors import RankLost


def test_the_first_signal_is_noted_and_said_past_the_loggers(capfd, caplog):
    """Python runs the handler between two instructions, also in the middle of a line that a logger writes."""
    with Signals() as signals:
        signals.check()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted) as stop:
            signals.check()
    assert stop.value.status == 130
    assert "SIGINT: stopping after this step and saving" in capfd.readouterr().err
    assert not caplog.records


def test_of_several_ranks_one_on_a_machine_says_it(capfd, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted):
            signals.check()
    assert not capfd.readouterr().err


def test_a_launchers_signal_does_not_cut_the_last_words_off(capfd):
    """A rank that lost another one is sent SIGTERM while it closes its files; it must still come to say why it ends."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(RankLost), Signals():
            raise RankLost("rank 0 of 2 has lost another rank")
        os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) is before[signal.SIGINT]
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    assert not capfd.readouterr().err


def test_other_errors_leave_the_signals_as_they_were():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyError), Signals():
        raise KeyError("anything")
    assert signal.getsignal(signal.SIGTERM) is before
