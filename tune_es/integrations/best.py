"""The best step's weights, kept aside and put back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch

from tune_es.integrations.run import is_best
from tune_es.records import Decision


class BestState:
    """Keeps a copy of the state at the best evaluation, and restores it.

    ``state_dict()`` hands out the very tensors that training writes to, and ``.copy()`` of it
    copies the dictionary alone. Here every tensor is copied, to the CPU; weights that are shared
    are copied once. The copy takes as much memory as what it is of: the size of the model, and
    with Adam's state three times that. The same memory is written at every new best. Sharded
    parameters (FSDP, DTensor) are not gathered: use checkpoints there.

    >>> from tune_es import Policy, Referee
    >>> model, keep = torch.nn.Linear(1, 1), BestState()
    >>> referee = Referee(Policy("loss", "min", stop="none"))
    >>> for step, loss in enumerate([0.5, 0.3, 0.4], start=1):
    ...     _ = torch.nn.init.constant_(model.bias, step)
    ...     decision = referee.report("run", {"training_iteration": step, "loss": loss})
    ...     _ = keep.saw(decision, model=model)
    >>> keep.restore(), model.bias.item()
    (2, 2.0)
    """

    def __init__(self) -> None:
        #: The step of what is kept, in units of the policy's ``time_attr``; None before any.
        self.step: float | None = None
        self._objects: dict[str, Any] = {}
        self._kept: dict[str, Any] = {}

    def saw(self, decision: Decision | None, **objects: Any) -> bool:
        """Keep the state of these objects where this evaluation is the best so far.

        Args:
            decision: What was decided on the evaluation.
            objects: Whatever has ``state_dict`` and ``load_state_dict``: a model, and the optimiser
                and the scheduler if they are to be restored, too.

        Returns:
            True where it was kept.
        """
        self.know(**objects)
        if decision is None or not is_best(decision):
            return False
        self.keep(decision.step, **objects)
        return True

    def keep(self, step: float, **objects: Any) -> None:
        """Keep the state of these objects as the best, whatever was decided."""
        self.know(**objects)
        copied: dict[Any, torch.Tensor] = {}
        self._kept = {
            name: _copied(each.state_dict(), self._kept.get(name), copied)
            for name, each in objects.items()
        }
        self.step = step

    def know(self, **objects: Any) -> None:
        """Restore into these objects later on, whose state is kept already."""
        self._objects.update(objects)

    def restore(self, **objects: Any) -> float | None:
        """Put the best state back, into these objects or those that were seen.

        What was kept stays as it is, so training may go on and be taken back again.

        Returns:
            The step that was restored; None where nothing had been kept.
        """
        for name, kept in self._kept.items():
            target = objects.get(name, self._objects.get(name))
            if target is not None:  # an optimiser takes the tensors themselves, so copies of them
                target.load_state_dict(_copied(kept, None, {}))
        return self.step

    def forget(self) -> None:
        """Keep nothing any more."""
        self.step, self._kept = None, {}

    def state_dict(self) -> dict[str, Any]:
        """Plain data and tensors, for a checkpoint."""
        return {"step": self.step, "kept": self._kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with what :meth:`state_dict` gave."""
        self.step, self._kept = state["step"], _copied(state["kept"], None, {})


def _copied(value: Any, into: Any, copied: dict[Any, torch.Tensor]) -> Any:
    """A copy that shares nothing, written into an earlier copy of the same shape where it can."""
    if isinstance(value, torch.Tensor):
        return _copied_tensor(value, into, copied)
    if isinstance(value, Mapping):
        before = into if isinstance(into, Mapping) else {}
        return {key: _copied(each, before.get(key), copied) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        befores = into if isinstance(into, (list, tuple)) and len(into) == len(value) else None
        parts = [_copied(each, befores and befores[at], copied) for at, each in enumerate(value)]
        return parts if isinstance(value, list) else tuple(parts)
    return copy.deepcopy(value)


def _copied_tensor(value: torch.Tensor, into: Any, copied: dict[Any, torch.Tensor]) -> torch.Tensor:
    value = value.detach()
    place = (value.data_ptr(), value.device, value.dtype, value.shape, value.stride())
    if place in copied and value.numel():
        return copied[place]
    fits = isinstance(into, torch.Tensor) and (into.shape, into.dtype) == (value.shape, value.dtype)
    copied[place] = into.copy_(value) if fits else value.to("cpu", copy=True)
    return copied[place]


def first_of_all(seconds: float) -> float:
    """The seconds of the first process of a distributed run: a rule on time would part them."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return seconds
    shared = [seconds]
    torch.distributed.broadcast_object_list(shared)
    return shared[0]
