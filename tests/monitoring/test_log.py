"""Decisions in the log: a line each, only where somebody listens, the same at every run."""

from __future__ import annotations

import json
import logging

import pytest

from tune_es import Cause, Patience, Policy
from tune_es.monitoring.log import line
from tune_es.ray.judge import Judge

POLICY = Policy("val/loss", "min", stop=Patience(2) | Patience(3), max_t=9)
LOSSES = [0.5, float("nan"), 0.4, 0.6, 0.7, 0.8]


def run(trial: str = "a") -> Judge:
    """Every result twice, as a scheduler and a callback ask; the last ones come after the stop."""
    judge = Judge(POLICY)
    for step, loss in enumerate(LOSSES, start=1):
        result = {"training_iteration": step, "val": {"loss": loss}}
        judge.judge(trial, result)
        judge.columns(trial, result)
        if step == 4:
            judge.judge(trial, {"training_iteration": 2, "val": {"loss": LOSSES[1]}})
    return judge


def test_a_line_a_decision_and_info_for_a_stop(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tune_es.decisions")
    run()
    assert [(each.name, each.levelname) for each in caplog.records] == [
        *[("tune_es.decisions", "DEBUG")] * 4,
        *[("tune_es.decisions", "INFO")] * 2,
    ]
    stop = caplog.records[4]
    assert stop.getMessage() == (
        "event=stop trial=a step=5 action=STOP cause=STALLED criterion=Patience best=0.4 "
        'best_step=3 left=0 evidence={"value":0.7,"misses":2,"limit":2,"best":0.4}'
    )
    decision = vars(stop)["decision"]
    assert (decision.step, decision.verdict.cause) == (5, Cause.STALLED)
    first = [each.getMessage() for each in caplog.records]
    caplog.clear()
    run()
    assert [each.getMessage() for each in caplog.records] == first


def test_where_nobody_listens_no_line_is_made(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_es.monitoring.log.line", None)  # to call it would raise
    caplog.set_level(logging.WARNING, "tune_es")
    run()
    assert caplog.records == []


@pytest.mark.parametrize("trial", ["", "a b", "a=b", 'a"b', "a\nb", "\x1b[31m", "\ud800"])
def test_any_name_is_one_printable_word(trial: str) -> None:
    decision = run(trial).referee.last(trial)
    assert decision is not None
    text = line(decision)
    assert text.isprintable()
    _, _, rest = text.partition("trial=")
    assert json.JSONDecoder().raw_decode(rest)[0] == trial
