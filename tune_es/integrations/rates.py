"""Carries a reduction of the learning rate out, on optimisers and schedules of torch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from tune_es.records import Decision

#: What optimisers keep of a rate in their groups: OneCycleLR goes by the last two.
IN_GROUPS = ("lr", "initial_lr", "max_lr", "min_lr")

#: What schedules compute a rate from.
IN_SCHEDULES = ("base_lrs", "max_lrs", "eta_min", "_last_lr")


class Rate:
    """The learning rate of a loop of one's own: lowered when a decision says so.

    :class:`tune_es.ReduceFirst` asks for it. A schedule goes on as planned, from the lower rate.

    Args:
        optimizer: Whose rates are lowered, those of all groups alike.
        scheduler: The schedule that sets them as well, where there is one.

    >>> import torch
    >>> from tune_es import Patience, Policy, ReduceFirst, Referee
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> rate = Rate(optimizer)
    >>> referee = Referee(Policy("loss", "min", stop=ReduceFirst(Patience(1), times=1)))
    >>> for step, loss in enumerate([0.5, 0.6, 0.7, 0.7], start=1):
    ...     decision = referee.report("run", {"training_iteration": step, "loss": loss})
    ...     _ = rate.follow(decision)
    >>> decision.stop, optimizer.param_groups[0]["lr"]
    (True, 0.1)
    """

    def __init__(self, optimizer: Any, scheduler: Any = None) -> None:
        self._optimizer, self._scheduler = optimizer, scheduler
        #: The share of the planned rate that is in use.
        self.share = 1.0

    def follow(self, decision: Decision | None) -> bool:
        """Lower the rate to what a decision says.

        Returns:
            True where it was lowered now.
        """
        if decision is None or decision.rate >= self.share:
            return False
        scale(decision.rate / self.share, self._optimizer, self._scheduler)
        self.share = decision.rate
        return True

    def state_dict(self) -> dict[str, float]:
        """The share: the states of optimiser and schedule hold the lower rates already."""
        return {"share": self.share}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on with a share that the optimiser's own state has."""
        self.share = state["share"]


def scale(by: float, optimizer: Any, *schedulers: Any) -> None:
    """Multiply the rates of an optimiser, and what its schedules compute them from."""
    for group in optimizer.param_groups:
        for name in IN_GROUPS:
            if name in group:
                group[name] = group[name] * by
    for each in chain.from_iterable(map(_schedules, schedulers)):
        for name in IN_SCHEDULES:
            value = getattr(each, name, None)
            if value is not None:
                scaled = [one * by for one in value] if isinstance(value, list) else value * by
                setattr(each, name, scaled)


def milestones(scheduler: Any, steps: float = 1) -> tuple[float, ...]:
    """When the schedule changes: after the last one of these a rule may speak.

    Args:
        scheduler: A ``MultiStepLR`` or ``SequentialLR`` of torch, or a chain with such in it;
            others have no milestones.
        steps: How many steps of it are one unit of the policy's ``time_attr``.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> milestones(torch.optim.lr_scheduler.MultiStepLR(optimizer, [200, 400]), steps=100)
    (2.0, 4.0)
    """
    found: set[float] = set()
    for each in _schedules(scheduler):
        found.update(getattr(each, "milestones", ()), getattr(each, "_milestones", ()))
    return tuple(step / steps for step in sorted(found))


def _schedules(scheduler: Any) -> Iterator[Any]:
    """A schedule, the one inside a wrapper such as Accelerate's, and those in a chain."""
    if scheduler is None:
        return
    inner = getattr(scheduler, "scheduler", None)
    if inner is not None:
        yield from _schedules(inner)
        return
    yield scheduler
    for part in getattr(scheduler, "_schedulers", ()):
        yield from _schedules(part)
