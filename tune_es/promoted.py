"""What promotion makes of a decision."""

from __future__ import annotations

from collections.abc import Mapping

from tune_es.policy import Policy
from tune_es.promotion import Promoter, Saved
from tune_es.records import Action, Cause, Decision, Observation, Verdict

#: Evidence that is a value of the metric: it is shown in the user's own sign.
VALUES = ("best", "leader")


def promoter_of(policy: Policy, trials: int | None) -> Promoter | None:
    """What takes the trials of a sweep from rung to rung, where its policy promotes."""
    if policy.promotion_rule is None or policy.max_t is None:
        return None
    return Promoter(policy.promotion_rule, policy.max_t, trials, policy.tie_break)


def promoted(
    promoter: Promoter, observation: Observation, decision: Decision, saved: Saved
) -> Decision:
    """The decision with what promotion makes of it; a stop stays a stop."""
    others = [observation.values.get(name) for name in promoter.ties.by] if promoter.ties else ()
    trial_id, step, score = observation.trial_id, observation.step, observation.score
    action = promoter.report(trial_id, step, score, saved, decision.stop, others)
    if decision.stop or action is Action.CONTINUE:
        return decision
    if action is Action.STOP:
        return let_go(promoter, decision, observation.sign)
    verdict = Verdict(False, type(promoter.rule).__name__, None, {"rung": step})
    return _with(decision, action, verdict)


def let_go(promoter: Promoter, decision: Decision, sign: int) -> Decision:
    """The last decision about a trial that promotion has let go, and why.

    It is HOPELESS by its rank, or BROKEN where its last value is not finite.
    """
    reason: Mapping[str, float] = promoter.let_go[decision.trial_id]
    shown = {name: sign * one if name in VALUES else one for name, one in reason.items()}
    evidence = {"rung": decision.step, **shown}
    cause = Cause.HOPELESS if "rank" in reason else Cause.BROKEN
    verdict = Verdict(True, type(promoter.rule).__name__, cause, evidence, 0)
    return _with(decision, Action.STOP, verdict)


def _with(decision: Decision, action: Action, verdict: Verdict) -> Decision:
    """The decision with another end; ``replace`` takes four times as long."""
    trial_id, step = decision.trial_id, decision.step
    return Decision(trial_id, step, action, verdict, decision.best, decision.best_step)
