"""A lower rate is the planned one times a factor, whatever schedule is running."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from tune_es import Patience, Policy, ReduceFirst, Referee
from tune_es.integrations.rates import Rate, milestones, scale

SCHEDULES: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "none": lambda optimizer: None,
    "constant": lambda optimizer: lr_scheduler.ConstantLR(optimizer, 0.5, 6),
    "linear": lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda at: 1 - at / 20),
    "step": lambda optimizer: lr_scheduler.StepLR(optimizer, 3, 0.5),
    "milestones": lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [2, 9], 0.3),
    "exponential": lambda optimizer: lr_scheduler.ExponentialLR(optimizer, 0.9),
    "cosine": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 12, eta_min=0.01),
    "restarts": lambda optimizer: lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 4),
    "one cycle": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.8, total_steps=13),
    "cyclic": lambda optimizer: lr_scheduler.CyclicLR(optimizer, 0.1, 0.8, step_size_up=3),
    "polynomial": lambda optimizer: lr_scheduler.PolynomialLR(optimizer, 13),
    "warm-up, then cosine": lambda optimizer: lr_scheduler.SequentialLR(
        optimizer,
        [
            lr_scheduler.LinearLR(optimizer, 0.1, total_iters=7),
            lr_scheduler.CosineAnnealingLR(optimizer, 5),
        ],
        [7],
    ),
    "chain": lambda optimizer: lr_scheduler.ChainedScheduler(
        [
            lr_scheduler.ExponentialLR(optimizer, 0.9),
            lr_scheduler.MultiStepLR(optimizer, [8], 0.3),
        ]
    ),
}


def walk(name: str, reduce_at: int | None) -> list[list[float]]:
    """The rates of two groups over 12 steps."""
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": rate} for rate in (1.0, 0.5)]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.9)
    scheduler = SCHEDULES[name](optimizer)
    rates = []
    for step in range(12):
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        if step == reduce_at:
            scale(0.1, optimizer, scheduler)
            if scheduler is not None:
                assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
    return rates


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_as_planned_from_the_lower_rate(name: str) -> None:
    planned, reduced = walk(name, None), walk(name, 4)
    assert reduced[:4] == planned[:4]
    for expected, found in zip(planned[4:], reduced[4:], strict=True):
        assert found == pytest.approx([0.1 * rate for rate in expected])


def test_a_loop_reduces_and_then_stops_and_a_resumed_one_reduces_no_second_time() -> None:
    policy = Policy("loss", "min", stop=ReduceFirst(Patience(1), times=2, factor=0.5))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    rate, referee, lowered = Rate(optimizer), Referee(policy), []
    for step in range(1, 7):
        decision = referee.report("run", {"training_iteration": step, "loss": 0.5})
        lowered.append(rate.follow(decision))
        other = Rate(optimizer)
        other.load_state_dict(rate.state_dict())
        assert not other.follow(decision)
    assert lowered == [False, True, False, True, False, False]
    assert (decision.stop, optimizer.param_groups[0]["lr"]) == (True, 0.25)
    assert not rate.follow(None)


def test_milestones_are_those_of_the_schedule() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    assert milestones(SCHEDULES["milestones"](optimizer)) == (2, 9)
    assert milestones(SCHEDULES["chain"](optimizer), steps=4) == (2,)
    assert milestones(SCHEDULES["warm-up, then cosine"](optimizer)) == (7,)
    assert milestones(SCHEDULES["cosine"](optimizer)) == milestones(None) == ()
