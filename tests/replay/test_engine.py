"""Sweeps worked out by hand: who runs when, on which worker, and what is paid."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.builders import refusal
from tests.replay.schedulers import Answers, Logged, OnlyNew, PausedFirst, Planned, recorded
from tune_es import Action, Patience, Policy, SuccessiveHalving
from tune_es.replay import Cluster, InOrder, PolicyScheduler, Run, Scheduler, TaskCurves, replay
from tune_es.replay.life import FAILED, durations

STOP, PAUSE = Action.STOP, Action.PAUSE


def when(run: Run) -> list[tuple[float, int, int]]:
    """Time, trial and step of every result."""
    return [(event.time, event.trial, event.step) for event in run.events]


def busy(run: Run) -> list[tuple[float, ...]]:
    """Worker, trial, start, end and last step of every span."""
    return [tuple(span) for span in run.spans]


def equal(*lengths: int, **more: Any) -> TaskCurves:
    """Curves that never change."""
    return recorded([[1.0] * length for length in lengths], **more)


def test_trials_start_in_order_and_the_next_takes_the_first_free_worker() -> None:
    logged = Logged(InOrder())
    run = replay(logged, equal(2, 1, 2, 1), Cluster(workers=2))
    assert when(run) == [(1, 0, 1), (1, 1, 1), (2, 0, 2), (2, 2, 1), (3, 3, 1), (3, 2, 2)]
    assert busy(run) == [(1, 1, 0, 1, 1), (0, 0, 0, 2, 2), (0, 3, 2, 3, 1), (1, 2, 1, 3, 2)]
    assert (run.makespan, run.failed) == (3, ())
    assert run.reached.tolist() == run.steps.tolist() == run.seconds.tolist() == [2, 1, 2, 1]
    assert [name for name, _ in logged.named("end")] == ["1", "0", "3", "2"]


def test_every_trial_is_added_before_the_first_starts_and_hears_its_config() -> None:
    logged = Logged(InOrder())
    replay(logged, equal(1, 1, configs=[{"lr": 1}, {"lr": 2}]), Cluster(workers=1))
    assert [call[0] for call in logged.calls] == [
        "add", "add", "choose", "report", "end", "choose", "report", "end",
    ]  # fmt: skip
    assert logged.named("add") == [("0", "{'lr': 1}"), ("1", "{'lr': 2}")]


def test_more_workers_than_trials_are_no_help() -> None:
    run = replay(InOrder(), equal(3, 2))
    assert (run.makespan, run.seconds.tolist()) == (3, [3, 2])


def test_a_result_holds_every_metric_the_step_and_the_seconds_trained() -> None:
    curves = recorded([[0.5, math.nan]], seconds=[[2, 3]], acc=[[7, 8]])
    logged = Logged(InOrder())
    replay(logged, curves, Cluster(startup_s=100))
    assert [call[2] for call in logged.named("report")] == [
        "[('acc', 7.0), ('time_total_s', 2.0), ('training_iteration', 1), ('val_loss', 0.5)]",
        "[('acc', 8.0), ('time_total_s', 5.0), ('training_iteration', 2), ('val_loss', nan)]",
    ]


def test_starting_a_trial_costs_its_worker_time() -> None:
    run = replay(InOrder(), equal(2, 1), Cluster(workers=1, startup_s=10))
    assert when(run) == [(11, 0, 1), (12, 0, 2), (23, 1, 1)]
    assert (run.seconds.tolist(), run.steps.tolist()) == ([12, 11], [2, 1])
    assert busy(run) == [(0, 0, 0, 12, 2), (0, 1, 12, 23, 1)]


def test_seconds_are_the_recorded_ones_and_the_median_where_one_is_missing() -> None:
    curves = recorded([[1, 1], [1, 1]], seconds=[[4, math.nan], [2, 9]])
    assert durations(curves, step_s=77).tolist() == [4, 4, 2, 9]
    assert when(replay(InOrder(), curves, Cluster(workers=1, step_s=77))) == [
        (4, 0, 1), (8, 0, 2), (10, 1, 1), (19, 1, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [None, [[math.nan, math.inf]]])
def test_steps_are_equally_long_where_no_time_was_recorded(seconds: Any) -> None:
    run = replay(InOrder(), recorded([[1, 1]], seconds=seconds), Cluster(step_s=2.5))
    assert run.makespan == 5


def test_results_at_one_instant_come_in_the_order_in_which_their_steps_began() -> None:
    curves = equal(2, 1, 2, seconds=[[1, 3], [2], [4, 1]])
    run = replay(InOrder(), curves, Cluster(workers=3))
    # at 4, trial 2 has been at its first step since 0 and trial 0 at its second since 1
    assert when(run) == [(1, 0, 1), (2, 1, 1), (4, 2, 1), (4, 0, 2), (5, 2, 2)]


def test_a_step_begins_after_the_start_up() -> None:
    curves = equal(3, 1, 1, seconds=[[1, 1, 5], [1], [1]])
    run = replay(InOrder(), curves, Cluster(workers=2, startup_s=5))
    # at 12, trial 0 has been at its third step since 7 and trial 2 at its first since 11
    assert when(run) == [(6, 0, 1), (6, 1, 1), (7, 0, 2), (12, 0, 3), (12, 2, 1)]


def test_a_stopped_trial_frees_its_worker() -> None:
    logged = Logged(Planned({("0", 2): STOP}))
    run = replay(logged, equal(9, 1), Cluster(workers=1))
    assert when(run) == [(1, 0, 1), (2, 0, 2), (3, 1, 1)]
    assert [event.action for event in run.events][:2] == [Action.CONTINUE, STOP]
    assert logged.named("end") == [("0", "False"), ("1", "False")]


@pytest.mark.parametrize("action", Action)
def test_at_the_end_of_the_budget_a_trial_ends_whatever_is_answered(action: Action) -> None:
    logged = Logged(Planned({("0", 2): action}))
    run = replay(logged, equal(3, max_t=2), Cluster(workers=1))
    assert run.events[-1].action is action
    assert logged.calls[-1] == ("end", "0", "False")
    assert len(logged.named("end")) == 1
    assert (run.reached.tolist(), run.makespan, run.cut) == ([2], 2, ())


def test_paused_at_the_end_of_a_curve_that_was_cut_a_trial_waits_and_ends_once_it_is_chosen() -> (
    None
):
    """It takes no worker's time, and the worker takes the next one at once."""
    logged = Logged(PausedFirst({("0", 2): PAUSE, ("1", 1): PAUSE}))
    curves = equal(2, 1, 4, 4, max_t=4)
    run = replay(logged, curves, Cluster(workers=1, startup_s=10, resume_s=5))
    assert [call[:2] for call in logged.calls if call[0] in ("report", "end")][2:6] == [
        ("end", "0"), ("report", "1"), ("end", "1"), ("report", "2"),
    ]  # fmt: skip
    assert busy(run)[:2] == [(0, 0, 0, 12, 2), (0, 1, 12, 23, 1)]
    assert (run.cut, run.failed, run.reached.tolist()) == ((0, 1), (), [2, 1, 4, 4])
    assert run.steps.tolist() == [2, 1, 4, 4]
    assert run.makespan == sum(run.seconds) == 12 + 11 + 14 + 14


def test_a_trial_that_was_cut_and_is_never_chosen_is_given_up_like_any_other() -> None:
    logged = Logged(OnlyNew({("0", 2): PAUSE}))
    run = replay(logged, equal(2, 3), Cluster(workers=1))
    assert (run.cut, logged.calls[-1]) == ((), ("end", "0", "False"))
    assert logged.named("choose")[-1] == ("", "0", "None")


@pytest.mark.parametrize("action", Action)
def test_who_failed_when_it_was_recorded_fails_where_its_curve_ends(action: Action) -> None:
    logged = Logged(PausedFirst({("0", 2): action}))
    fails: dict[str, Any] = {FAILED: [[0, 1], [0, 0, 0]]}
    curves = recorded([[1, 1], [1, 1, 1]], **fails)
    run = replay(logged, curves, Cluster(workers=1))
    failed = action is not STOP
    assert logged.named("end") == [("0", str(failed)), ("1", "False")]
    assert (run.failed, run.cut) == ((0,) if failed else (), ())
    assert replay(InOrder(), curves.chosen([1, 0]), Cluster(1)).failed == (1,)
    kept = replay(Planned({("0", 1): STOP}), curves, Cluster(1))
    assert (kept.failed, kept.reached.tolist()) == ((), [1, 3])


def test_the_budget_cuts_long_curves_and_short_ones_end_by_themselves() -> None:
    run = replay(InOrder(), equal(5, 2, max_t=3), Cluster(workers=1))
    assert when(run) == [(1, 0, 1), (2, 0, 2), (3, 0, 3), (4, 1, 1), (5, 1, 2)]
    assert run.reached.tolist() == [3, 2]


def test_a_paused_trial_goes_on_where_it_was_and_pays_for_the_resume() -> None:
    logged = Logged(Planned({("0", 2): PAUSE}))
    run = replay(logged, equal(3, 1), Cluster(workers=1, startup_s=10, resume_s=4))
    assert when(run) == [(11, 0, 1), (12, 0, 2), (23, 1, 1), (28, 0, 3)]
    assert busy(run) == [(0, 0, 0, 12, 2), (0, 1, 12, 23, 1), (0, 0, 23, 28, 3)]
    assert (run.seconds.tolist(), run.steps.tolist()) == ([17, 11], [3, 1])
    assert logged.named("choose") == [("0 1", "", "0"), ("1", "0", "1"), ("", "0", "0")]


def test_paused_trials_wait_in_the_order_in_which_they_were_paused() -> None:
    plan = {("0", 1): PAUSE, ("1", 1): PAUSE, ("2", 1): PAUSE}
    curves = equal(2, 2, 2, seconds=[[5, 1], [1, 1], [2, 1]])
    run = replay(Planned(plan), curves, Cluster(workers=3))
    assert when(run) == [(1, 1, 1), (2, 2, 1), (2, 1, 2), (3, 2, 2), (5, 0, 1), (6, 0, 2)]
    logged = Logged(Planned(plan))
    replay(logged, curves, Cluster(workers=1))
    assert [call[1] for call in logged.named("choose")][3:] == ["0 1 2", "1 2", "2"]


def test_a_scheduler_may_take_paused_trials_before_new_ones() -> None:
    run = replay(PausedFirst({("0", 1): PAUSE}), equal(2, 1), Cluster(workers=1))
    assert when(run) == [(1, 0, 1), (2, 0, 2), (3, 1, 1)]


def test_workers_idle_while_nothing_is_chosen_and_are_asked_after_every_result() -> None:
    class Later(Planned):
        """Leaves what is paused alone until trial 1 has run two steps."""

        seen = 0

        def report(self, trial_id: str, result: Any) -> Action:
            self.seen += trial_id == "1"
            return super().report(trial_id, result)

        def choose(self, pending: Any, paused: Any) -> str | None:
            return pending[0] if pending else paused[0] if self.seen == 2 else None

    run = replay(Later({("0", 1): PAUSE}), equal(2, 3), Cluster(workers=2))
    assert when(run) == [(1, 0, 1), (1, 1, 1), (2, 1, 2), (3, 1, 3), (3, 0, 2)]
    assert busy(run) == [(0, 0, 0, 1, 1), (1, 1, 0, 3, 3), (0, 0, 2, 3, 2)]


def test_what_is_paused_is_given_up_when_nothing_runs_and_nothing_is_chosen() -> None:
    logged = Logged(OnlyNew({("0", 1): PAUSE, ("1", 2): PAUSE}))
    run = replay(logged, equal(5, 5, 1), Cluster(workers=2))
    assert run.reached.tolist() == [1, 2, 1]
    assert run.makespan == 2
    assert logged.calls[-3:] == [
        ("choose", "", "0 1", "None"), ("end", "0", "False"), ("end", "1", "False"),
    ]  # fmt: skip


def test_a_scheduler_that_wants_nothing_ends_the_sweep() -> None:
    class Nothing(InOrder):
        def choose(self, pending: Any, paused: Any) -> None:
            return None

    logged = Logged(Nothing())
    run = replay(logged, equal(1, 1))
    assert (run.makespan, run.events, run.spans, run.steps.tolist()) == (0, (), (), [0, 0])
    assert logged.named("end") == [("0", "False"), ("1", "False")]


def test_trials_are_added_when_fewer_than_ahead_wait() -> None:
    logged = Logged(InOrder())
    replay(logged, equal(1, 1, 1, 1), Cluster(workers=1, ahead=2))
    assert [call[:2] for call in logged.calls if call[0] in ("add", "report")] == [
        ("add", "0"), ("add", "1"), ("report", "0"), ("add", "2"), ("report", "1"),
        ("add", "3"), ("report", "2"), ("report", "3"),
    ]  # fmt: skip


def test_paused_trials_do_not_count_as_waiting() -> None:
    logged = Logged(PausedFirst({("0", 1): PAUSE}))
    replay(logged, equal(2, 1), Cluster(workers=1, ahead=1))
    assert logged.named("choose") == [("0", "", "0"), ("1", "0", "0"), ("1", "", "1")]


# Failures: a seed is looked for that loses exactly the attempts that are wanted.


def losing(
    wanted: list[int], scheduler: Scheduler, curves: TaskCurves, **cluster: Any
) -> tuple[Logged, Run]:
    """A sweep of one trial whose first attempts at a step are lost as wanted: a 1 is a loss."""
    cluster = {"workers": 1, "failure_rate": 0.5, "max_failures": sum(wanted), **cluster}
    probe = recorded([[1.0] * len(wanted)])
    for seed in range(2000):
        many = Cluster(1, failure_rate=0.5, max_failures=len(wanted), checkpoint_every=1)
        spans = replay(InOrder(), probe, many, seed).spans
        lost = list[int]()
        for before, span in zip([0, *(span.step for span in spans)], spans, strict=False):
            lost += [0] * (span.step - before) + [1]
        if lost[: len(wanted)] == wanted:
            logged = Logged(scheduler)
            return logged, replay(logged, curves, Cluster(**cluster), seed)
    raise AssertionError(f"no seed loses {wanted}")


def steps_of(logged: Logged) -> list[int]:
    return [int(call[1]) for call in logged.named("report")]


def test_a_lost_step_is_paid_and_not_reported_and_runs_again_from_the_checkpoint() -> None:
    logged, run = losing([0, 0, 1, 0], InOrder(), equal(3), resume_s=5, startup_s=2)
    assert when(run) == [(3, 0, 1), (4, 0, 2), (11, 0, 3)]
    assert busy(run) == [(0, 0, 0, 5, 2), (0, 0, 5, 11, 3)]
    assert (run.steps.tolist(), run.seconds.tolist(), run.reached.tolist()) == ([4], [11], [3])
    assert run.failed == ()
    assert logged.named("choose") == [("0", "", "0"), ("0", "", "0")]
    assert logged.named("end") == [("0", "False")]


@pytest.mark.parametrize(
    ("every", "steps"),
    [(1, [1, 2, 3, 4, 5]), (2, [1, 2, 3, 3, 4, 5]), (0, [1, 2, 3, 1, 2, 3, 4, 5])],
)
def test_a_failed_trial_goes_on_from_its_last_checkpoint(every: int, steps: list[int]) -> None:
    lost = [0, 0, 0, 1, 0, 0, 0, 0, 0]
    logged, run = losing(lost, InOrder(), equal(5), checkpoint_every=every)
    assert steps_of(logged) == steps
    assert run.steps.tolist() == [len(steps) + 1]
    assert run.reached.tolist() == [5]


def test_without_a_checkpoint_a_failed_trial_pays_for_its_start_again() -> None:
    cluster: dict[str, Any] = {"startup_s": 10, "resume_s": 3, "checkpoint_every": 2}
    _, run = losing([0, 1, 0, 0, 0], InOrder(), equal(3), **cluster)
    assert busy(run) == [(0, 0, 0, 12, 1), (0, 0, 12, 25, 3)]


def test_pausing_writes_a_checkpoint_from_which_a_failed_trial_goes_on() -> None:
    lost = [0, 0, 0, 0, 1, 0, 0, 0, 0]
    scheduler = Planned({("0", 3): PAUSE})
    logged, run = losing(lost, scheduler, equal(5), checkpoint_every=0)
    assert steps_of(logged) == [1, 2, 3, 4, 4, 5]
    assert run.steps.tolist() == [7]


def test_a_trial_fails_for_good_after_its_retries() -> None:
    logged, run = losing([0, 1, 0, 1], InOrder(), equal(4), max_failures=1)
    assert (run.failed, run.reached.tolist(), run.steps.tolist()) == ((0,), [2], [4])
    assert logged.named("end") == [("0", "True")]
    assert run.makespan == 4
    logged, run = losing([1], InOrder(), equal(4), max_failures=0)
    assert (run.failed, run.reached.tolist(), run.events) == ((0,), [0], ())


def test_a_failed_trial_waits_behind_those_that_have_not_started() -> None:
    logged, _ = losing([0, 1, 0], InOrder(), equal(2, 1, 1))
    assert logged.named("choose")[1] == ("1 2 0", "", "1")


def test_the_reached_step_is_the_last_one_ever_reported() -> None:
    lost = [0, 0, 0, 1, 0, 1]
    _, run = losing(lost, InOrder(), equal(5), checkpoint_every=0, max_failures=1)
    assert (run.reached.tolist(), run.steps.tolist(), run.failed) == ([3], [6], (0,))


def test_repeated_steps_are_decided_as_they_were_the_first_time() -> None:
    lost = [0, 0, 0, 1, 0, 0, 0, 0, 0]
    curves = recorded([[0.6, math.nan, 0.5, 0.5, 0.5, 0.5, 0.5]])
    scheduler = PolicyScheduler(Policy("val_loss", "min", stop=Patience(2), max_t=7))
    logged, run = losing(lost, scheduler, curves, checkpoint_every=0)
    assert steps_of(logged) == [1, 2, 3, 1, 2, 3, 4, 5]
    assert [event.action for event in run.events] == [Action.CONTINUE] * 7 + [STOP]
    assert scheduler.referee.judged == 5
    assert scheduler.referee.ended["0"].step == 5


def test_a_scheduler_may_change_the_result_it_is_given() -> None:
    class Greedy(InOrder):
        def report(self, trial_id: str, result: Any) -> Action:
            result.clear()
            return Action.CONTINUE

    curves = equal(2)
    logged, _ = losing([0, 1, 0, 0], Greedy(), curves, checkpoint_every=0)
    first, again, _ = logged.named("report")
    assert first == again
    assert curves.values(0).tolist() == [1, 1]


def test_the_same_trial_fails_at_the_same_attempts_whatever_happens_to_the_others() -> None:
    curves = equal(*[6] * 8)
    cluster = Cluster(workers=2, failure_rate=0.2, max_failures=9)

    def attempts(scheduler: Scheduler, trial: int) -> list[tuple[int, float]]:
        """Every span of the trial: the step it came to, and how long it took."""
        spans = replay(scheduler, curves, cluster, seed=3).spans
        return [(span.step, span.end - span.start) for span in spans if span.trial == trial]

    plan = {(str(trial), 2): STOP for trial in range(7)}
    assert attempts(Planned(plan), 7) == attempts(InOrder(), 7)
    assert len({tuple(attempts(InOrder(), trial)) for trial in range(8)}) > 2


def test_the_share_of_lost_steps_is_the_failure_rate() -> None:
    cluster = Cluster(failure_rate=0.25, max_failures=10**6)
    run = replay(InOrder(), equal(*[100] * 40), cluster)
    assert run.failed == ()
    lost = run.steps.sum() - len(run.events)
    assert lost / run.steps.sum() == pytest.approx(0.25, abs=0.03)
    assert (
        replay(InOrder(), equal(*[100] * 40), cluster, seed=1).steps.tolist() != run.steps.tolist()
    )


# The recorded order.


def test_results_come_in_the_order_in_which_they_were_judged_when_recorded() -> None:
    curves = equal(2, 3, 1, order=[[2, 5], [1, 3, 6], [4]], seconds=[[9, 1], [1, 9, 2], [5]])
    run = replay(InOrder(), curves, Cluster(workers=3), recorded_order=True)
    assert when(run) == [(1, 1, 1), (2, 0, 1), (3, 1, 2), (4, 2, 1), (5, 0, 2), (6, 1, 3)]


def test_the_recorded_order_stands_on_the_workers_that_were_there() -> None:
    curves = equal(2, 1, 2, order=[[1, 3], [2], [4, 5]])
    run = replay(InOrder(), curves, Cluster(workers=2), recorded_order=True)
    assert when(run) == [(1, 0, 1), (2, 1, 1), (3, 0, 2), (4, 2, 1), (5, 2, 2)]


def test_the_recorded_order_is_that_of_the_rows_within_the_budget() -> None:
    curves = equal(3, 2, order=[[1, 3, 4], [2, 5]], max_t=2)
    run = replay(InOrder(), curves, Cluster(workers=2), recorded_order=True)
    assert when(run) == [(1, 0, 1), (2, 1, 1), (3, 0, 2), (5, 1, 2)]


def test_in_the_recorded_order_workers_and_their_costs_do_not_count() -> None:
    curves = equal(2, 2, order=[[2, 4], [1, 7]])
    run = replay(InOrder(), curves, Cluster(1, startup_s=5, resume_s=5), recorded_order=True)
    assert when(run) == [(1, 1, 1), (2, 0, 1), (4, 0, 2), (7, 1, 2)]


def test_what_comes_later_than_it_was_recorded_comes_at_once() -> None:
    """Trial 0 is paused until trial 1 has ended."""

    class Last(OnlyNew):
        seen = 0

        def report(self, trial_id: str, result: Any) -> Action:
            self.seen += trial_id == "1"
            return super().report(trial_id, result)

        def choose(self, pending: Any, paused: Any) -> str | None:
            return paused[0] if self.seen == 2 else super().choose(pending, paused)

    curves = equal(3, 2, order=[[1, 2, 9], [3, 4]])
    run = replay(Last({("0", 1): PAUSE}), curves, recorded_order=True)
    assert when(run) == [(1, 0, 1), (3, 1, 1), (4, 1, 2), (4, 0, 2), (9, 0, 3)]


def test_an_order_that_was_not_recorded_is_refused() -> None:
    message = refusal(replay, InOrder(), equal(1), recorded_order=True)
    assert message == "task 'task' was recorded without the column 'order'"


def test_a_trial_is_judged_once_at_a_rung() -> None:
    """25 x 2.2 is a little more than 55. The worse trial comes first to 55, and second to 56."""
    curves = recorded([[2.0] * 60, [1.0] * 60], seconds=[[1.0] * 55 + [9] * 5, [1.0] * 60])
    halving = PolicyScheduler(Policy("val_loss", "min", stop=SuccessiveHalving(25, 2.2)))
    assert replay(halving, curves, Cluster(workers=2)).reached.tolist() == [60, 60]


# Wrong answers.


@pytest.mark.parametrize("answer", [None, "STOP", True])
@pytest.mark.parametrize("length", [1, 2])
def test_a_report_has_to_be_answered_by_an_action(answer: Any, length: int) -> None:
    message = refusal(replay, Answers(action=answer), equal(length))
    assert message == f"Answers.report must answer an Action, got {answer!r}"


def test_a_trial_has_to_be_chosen_among_those_that_wait() -> None:
    message = refusal(replay, Answers(choice="7"), equal(1))
    assert message == "Answers.choose answered '7', which is not waiting"
    message = refusal(replay, Answers(choice="0"), equal(3, 1), Cluster(workers=2))
    assert message == "Answers.choose answered '0', which is not waiting"


@pytest.mark.parametrize(
    ("wrong", "who"),
    [
        ({"workers": 0}, "Cluster.workers must be a whole number of at least 1, got 0"),
        ({"workers": 1.5}, "Cluster.workers"),
        ({"startup_s": -1}, "Cluster.startup_s must be a number at least 0, got -1"),
        ({"resume_s": math.nan}, "Cluster.resume_s"),
        ({"step_s": 0}, "Cluster.step_s must be a number above 0, got 0"),
        ({"failure_rate": 0.95}, "Cluster.failure_rate"),
        ({"max_failures": -1}, "Cluster.max_failures"),
        ({"checkpoint_every": -1}, "Cluster.checkpoint_every"),
        ({"ahead": 0}, "Cluster.ahead must be a whole number of at least 1, got 0"),
    ],
)
def test_an_impossible_cluster_is_refused(wrong: dict[str, Any], who: str) -> None:
    assert who in refusal(Cluster, **wrong)
