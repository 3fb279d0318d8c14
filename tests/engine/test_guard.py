"""Signals that come at any moment."""

import os
import signal

import pytest

from ppocr_like.engine.guard import Interrupted, Signals


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
