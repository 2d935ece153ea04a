"""The best state is a copy: nothing that trains on writes to it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.integrations.weights import copied, equal, same
from tune_es import Decision, Policy, Referee
from tune_es.integrations.best import BestState

LOSSES = [0.5, 0.3, 0.4, 0.35]


def decisions(losses: list[float]) -> list[Decision]:
    referee = Referee(Policy("loss", "min", stop="none"))
    return [
        referee.report("run", {"training_iteration": step, "loss": loss})
        for step, loss in enumerate(losses, start=1)
    ]


class Loop:
    """A model with a shared weight, an optimiser with a memory, and a schedule."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        first, second = torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3)
        second.weight = first.weight
        self.model = torch.nn.Sequential(first, torch.nn.BatchNorm1d(3), second)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.1)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, 1, 0.5)

    def parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}

    def train(self) -> None:
        self.optimizer.zero_grad()
        self.model(torch.randn(8, 3)).square().mean().backward()
        self.optimizer.step()
        self.scheduler.step()

    def state(self) -> dict[str, Any]:
        """Everything, copied by way of a file's worth of new tensors."""
        return {name: _clone(part.state_dict()) for name, part in self.parts().items()}


def _clone(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {name: _clone(one) for name, one in value.items()}
    return [_clone(one) for one in value] if isinstance(value, list) else value


def test_training_on_changes_nothing_that_is_kept() -> None:
    loop, keep, states = Loop(), BestState(), []
    for decision in decisions(LOSSES):
        loop.train()
        states.append(loop.state())
        assert keep.saw(decision, **loop.parts()) == (decision.step <= 2)
    shallow = loop.model.state_dict().copy()
    loop.train()
    assert same(loop.model, shallow)  # the trap: this "copy" is what training writes to
    assert keep.restore() == 2
    assert equal(loop.state(), states[1])
    assert not equal(states[1], states[3])


def test_what_is_restored_may_be_trained_and_restored_again() -> None:
    """Adam takes the tensors it is given for its own; they are not to be ours."""
    loop, keep = Loop(), BestState()
    loop.train()
    keep.saw(decisions([0.5])[0], **loop.parts())
    best = loop.state()
    for _ in range(3):
        loop.train()
        loop.train()
        assert not equal(loop.state(), best)
        keep.restore()
        assert equal(loop.state(), best)


def test_a_later_best_takes_the_memory_of_the_one_before() -> None:
    loop, keep = Loop(), BestState()
    first, second = decisions([0.5, 0.3])
    keep.saw(first, model=loop.model)
    place = keep.state_dict()["kept"]["model"]["0.weight"].data_ptr()
    loop.train()
    keep.saw(second, model=loop.model)
    kept = keep.state_dict()["kept"]["model"]
    assert same(kept, copied(loop.model))
    assert kept["0.weight"].data_ptr() == kept["2.weight"].data_ptr() == place


def test_it_goes_into_a_checkpoint_and_comes_back(tmp_path: Any) -> None:
    loop, keep = Loop(), BestState()
    loop.train()
    keep.saw(decisions([0.5])[0], **loop.parts())
    best = loop.state()
    torch.save(keep.state_dict(), tmp_path / "best.pt")
    loop.train()
    other = BestState()
    other.load_state_dict(torch.load(tmp_path / "best.pt", weights_only=True))
    assert other.restore(**loop.parts()) == 1
    assert equal(loop.state(), best)


def test_nothing_is_restored_where_nothing_was_good(caplog: pytest.LogCaptureFixture) -> None:
    loop, keep = Loop(), BestState()
    weights = copied(loop.model)
    for decision in (None, *decisions([float("nan")])):
        assert not keep.saw(decision, model=loop.model)
    assert keep.restore() is None
    assert same(loop.model, weights)
