"""What the charts and tables are made of."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.builders import refusal
from tests.monitoring.experiments import (
    HOSTILE,
    START,
    experiment,
    foreign,
    hostile,
    odd,
    running,
    sweep,
    trial,
)
from tune_es import Cause, Policy
from tune_es.monitoring import Span, Status, Why
from tune_es.monitoring.summary import CALLED
from tune_es.report.against import against
from tune_es.report.groups import GROUPS, ends, group_of, was_stopped
from tune_es.report.lanes import timeline, workers
from tune_es.report.lines import MOST_POINTS, lines_of
from tune_es.report.numbers import shown_metrics, window
from tune_es.report.overview import Prices, overview
from tune_es.report.parameters import Parameter, varied
from tune_es.report.table import reason_of
from tune_es.report.text import literal

STALL = Why(3.0, "STALLED", "Patience", {"misses": 2.0, "best": math.nan}, "stalled: Patience (x)")


def test_causes_are_called_as_everywhere_else() -> None:
    assert {name: GROUPS[name].label for name in CALLED} == CALLED
    assert {each.name for each in Cause} <= set(GROUPS)
    assert {each.name for each in Status} <= set(GROUPS)


def test_no_two_ends_look_the_same() -> None:
    for look in ("colour", "marker", "symbol", "glyph", "label"):
        assert len({getattr(each, look) for each in GROUPS.values()}) == len(GROUPS)


@pytest.mark.parametrize(
    ("status", "cause", "group", "is_early"),
    [
        (Status.STOPPED, "STALLED", "STALLED", True),
        (Status.STOPPED, None, "STOPPED", True),
        (Status.STOPPED, "a later version's", "STOPPED", True),
        (Status.FINISHED, "EXHAUSTED", "FINISHED", False),
        (Status.FINISHED, None, "FINISHED", False),
        (Status.FINISHED, "REACHED", "REACHED", True),
        (Status.FINISHED, "a later version's", "FINISHED", False),
        (Status.FAILED, "BROKEN", "FAILED", False),
        (Status.PAUSED, None, "PAUSED", False),
    ],
)
def test_how_a_trial_ended(status: Status, cause: str | None, group: str, is_early: bool) -> None:
    why = None if cause is None else replace(STALL, cause=cause)
    made = trial("a", [0.5], status=status, why=why)
    assert group_of(made).key == group
    assert was_stopped(made) == is_early


def test_ends_are_counted_by_rule() -> None:
    other = replace(STALL, criterion="Plateau")
    made = [
        trial("a", [1, 2], status=Status.STOPPED, why=STALL),
        trial("b", [1], status=Status.STOPPED, why=other),
        trial("c", [1], status=Status.STOPPED, why=STALL),
        trial("d", [1, 2, 3]),
    ]
    found = [(each.group.key, each.criterion, len(each.trials), each.steps) for each in ends(made)]
    assert found == [
        ("FINISHED", "", 1, [3.0]),
        ("STALLED", "Patience", 2, [2.0, 1.0]),
        ("STALLED", "Plateau", 1, [1.0]),
    ]


def test_the_reason_is_told_once_and_its_numbers_apart() -> None:
    made = trial("a", [1], status=Status.STOPPED, why=STALL)
    assert reason_of(made) == ("stalled: Patience at step 3", (("misses", "2"), ("best", "-")))
    assert reason_of(trial("a", [1], status=Status.FAILED, error="a\nb")) == ("a b", ())
    silent = replace(made, why=replace(STALL, sentence="", evidence={}))
    assert reason_of(silent) == ("stalled: Patience at step 3", ())


# ---- curves


def test_metrics_come_with_the_objective_first_then_those_of_the_policy() -> None:
    values = {"a": [1.0], "train_loss": [1.0], "never": [math.nan], "training_iteration": [1.0]}
    made = experiment(trial("x", [0.5], metrics=values))
    assert shown_metrics(made) == ["eval_loss", "train_loss", "a"]


def test_no_stop_is_hidden_and_the_best_is_drawn_last() -> None:
    made = sweep(40)
    lines = lines_of(made)
    ended = {at for at, each in enumerate(made.trials) if was_stopped(each) or each.error}
    assert ended
    for panel in lines.panels:
        assert {stop.trial for stop in panel.stops} == ended
        for stop in panel.stops:
            assert panel.window.low < stop.y < panel.window.high
        assert panel.best is not None
        assert panel.best.trial == lines.trials[-1]


def test_a_trial_without_any_number_is_marked_where_it_was_stopped() -> None:
    broken = replace(STALL, cause="BROKEN")
    nothing = trial(
        "a", [math.nan] * 3, status=Status.STOPPED, why=broken, metrics={"f1": [1, 1, 1]}
    )
    first, other = lines_of(experiment(nothing, trial("b", [0.5, 0.4]))).panels
    assert [(stop.trial, stop.x) for stop in first.stops] == [(0, 3.0)]
    assert first.stops[0].y > 0.45  # lower is better: at the upper edge
    assert [stop.y for stop in other.stops] == [1.0]


def test_a_long_curve_keeps_its_ends_its_best_and_its_spikes() -> None:
    count = 200_000
    values = np.linspace(2, 1, count)
    values[1234], values[150_001], values[17] = 0.1, 9.0, math.nan
    made = experiment(
        trial("a", values.tolist()), *(trial(f"b{at}", [0.5, 0.4]) for at in range(10)), max_t=count
    )
    lines = lines_of(made)
    (long,) = [at for at, each in enumerate(lines.trials) if each == 0]
    assert len(lines.xs[long]) < MOST_POINTS / 5
    drawn = dict(zip(lines.xs[long].tolist(), lines.panels[0].ys[long].tolist(), strict=True))
    assert drawn[1.0] == 2.0
    assert drawn[count] == 1.0
    assert drawn[1235.0] == 0.1
    assert drawn[150_002.0] > 2


@pytest.mark.parametrize("name", odd())
def test_curves_that_are_drawn_are_finite_or_missing(name: str) -> None:
    for panel in lines_of(odd()[name]).panels:
        assert math.isfinite(panel.window.low)
        assert panel.window.low < panel.window.high < 1e31
        assert all(not np.isinf(each).any() for each in panel.ys)
        assert all(math.isfinite(stop.y) for stop in panel.stops)


def test_outliers_do_not_flatten_the_rest_but_the_best_is_always_in_sight() -> None:
    values = np.array([0.5, 0.6, 0.7, 0.8] * 10 + [1e9, -1e9])
    assert window(values).high < 2
    assert window(values, always=[-5.0]).low < -5
    assert window(values, always=[-5.0]).cuts(values)
    assert not window(values[:40]).cuts(values[:40])


def test_values_over_decades_get_a_logarithmic_axis() -> None:
    decades = 10.0 ** -np.arange(0, 6, 0.1)
    assert window(decades).is_log
    assert not window(-decades).is_log
    with_zero = np.array([*decades, 0.0])
    assert window(with_zero).is_log
    assert window(with_zero).cuts(with_zero)
    assert (window(with_zero).clipped(with_zero) > 0).all()


# ---- hyperparameters


def test_hyperparameters_are_numbers_strips_or_constant() -> None:
    made = sweep(40).trials
    found, constant = varied(made)
    by_name = {each.name: each for each in found}
    assert constant == {"warmup": "0.1"}
    assert by_name["lr"].is_log
    assert not by_name["dropout"].is_log
    assert by_name["batch_size"].categories == ("8", "16", "32")
    assert by_name["optimizer/name"].categories == ("adamw", "lion", "sgd")


def test_odd_values_are_categories_and_too_many_become_other() -> None:
    found, constant = varied(odd()["mixed config"].trials)
    assert set(found[0].categories) >= {"1", "a", "None", "inf", "0", "-2.5", "True"}
    assert constant == {}
    names = [trial(str(at), [0.5], config={"k": f"name-{at:02d}"}) for at in range(40)]
    (many,), _ = varied(names)
    assert many.categories == (*(f"name-{at:02d}" for at in range(11)), "other")
    assert many.values[-1] == 11.0
    unset = [trial(str(at), [0.5], config={"k": at} if at else {}) for at in range(10)]
    (some,), _ = varied(unset)
    assert math.isnan(some.values[0])
    assert some.values[1:] == tuple(range(1, 10))


def test_every_trial_with_a_number_is_drawn_and_none_is_cut_off() -> None:
    made = sweep(40)
    drawn = against(made, varied(made.trials)[0])
    assert len(drawn.rows) == 40
    for each in drawn.scatters:
        assert ((each.across.low < each.xs) & (each.xs < each.across.high)).all()
    assert ((drawn.frame.low < drawn.ys) & (drawn.ys < drawn.frame.high)).all()
    assert drawn.star is not None
    nothing = against(odd()["only NaN"], [Parameter("lr", (0.1, 0.2))])
    assert (nothing.rows, nothing.star) == ((), None)


# ---- workers


def test_trials_share_the_lanes_of_a_machine() -> None:
    spans = {
        "a": [Span(0, 10, "one:11"), Span(20, 30, "one:14")],
        "b": [Span(5, 15, "one:12")],
        "c": [Span(10, 20, "one:13"), Span(30, None, "two:15")],
    }
    made = timeline(
        experiment(*(trial(name, [0.5], spans=each) for name, each in spans.items()), latest=42.0)
    )
    assert made.lanes == ("one 1", "one 2", "two")
    lanes = sorted((each.span.start, each.lane, each.is_resumed) for each in made.stretches)
    assert lanes == [(0, 0, False), (5, 1, False), (10, 0, False), (20, 0, True), (30, 2, True)]
    assert made.stretches[-1].span.end == made.end == 42.0
    assert workers(made) == 2


def test_without_spans_the_times_of_results_stand_in() -> None:
    made = timeline(foreign())
    assert made.is_guessed
    assert made.start == START
    assert workers(made) == 4
    assert timeline(odd()["no times"]).stretches == ()
    assert timeline(experiment()).lanes == ()


# ---- the first screen


def test_four_numbers_and_a_sentence() -> None:
    made = overview(sweep(24), Prices())
    assert len(made.tiles) == 4
    assert made.sentence.startswith("Stopping early saved ")
    assert [tile.label for tile in made.tiles][2] == "trials stopped early"
    assert [row.label for row in made.spent] == ["training steps", "worker time"]


def test_prices_add_rows() -> None:
    made = overview(sweep(24), Prices(price_per_hour=2.5, watts=300, gco2_per_kwh=350))
    assert [row.label for row in made.spent][2:] == ["money", "energy", "CO2"]
    assert made.tiles[2].label == "money saved"
    priced = Policy("eval_loss", "min", max_t=20, price_per_hour=3)
    assert len(overview(replace(sweep(24), policy=priced), Prices()).spent) == 3


def test_one_hour_at_one_kilowatt() -> None:
    done = experiment(trial("a", [0.5] * 10, step_s=360.0), max_t=10.0)
    rows = {each.label: each.run for each in overview(done, Prices(2.0, 1000, 400)).spent}
    assert rows["worker time"] == "1 h 0 min"
    assert (rows["money"], rows["energy"], rows["CO2"]) == ("2", "1 kWh", "0.4 kg")


def test_prices_that_cannot_be_are_refused() -> None:
    assert "watts" in refusal(Prices, gco2_per_kwh=300)
    assert "at least 0" in refusal(Prices, price_per_hour=-1)


@pytest.mark.parametrize("name", [*odd(), "running", "hostile"])
def test_nothing_is_divided_by_zero_and_no_nan_is_shown(name: str) -> None:
    made = {**odd(), "running": running(), "hostile": hostile()}[name]
    for prices in (Prices(), Prices(0.0, 0.0, 0.0), Prices(2.0, 300, 350)):
        said = overview(made, prices)
        shown = [said.sentence, *(tile.value for tile in said.tiles)]
        shown += [text for row in said.spent for text in (row.run, row.saved, row.full, row.share)]
        assert not [text for text in shown if "nan" in text.lower() and name != "hostile"]
        assert all(shown)


def test_a_sweep_that_runs_says_so_far() -> None:
    made = overview(running(), Prices())
    assert made.state == "8 of 40 trials over"
    assert made.sentence.startswith("So far, ")
    assert overview(odd()["no trials"], Prices()).sentence == "No trial has started yet."


def test_texts_of_users_can_be_encoded_and_move_nothing() -> None:
    for text in (*HOSTILE, "\ud800" * 9, "x" * 10_000, "\r\n\v\f\u0085\u2066\ufeff"):
        seen = literal(text)
        assert seen.encode("utf-8").decode("utf-8").isprintable()
        assert len(seen) <= 200
    assert literal("naïve 日本語 <b>") == "naïve 日本語 <b>"
