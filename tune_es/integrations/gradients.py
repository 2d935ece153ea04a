"""How much the gradients still say, for :class:`tune_es.NoEvidence`: measured in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from tune_es.checks import check_count, check_name
from tune_es.integrations.moments import FORMS, Moments

WHOLE = "whole"

#: Normalisation by the batch: the gradient of one example is not its own there.
MIXING = nn.modules.batchnorm._BatchNorm


class GradientEvidence:
    """Measures while a model trains how far its gradients are from what chance would make.

    A batch that is processed in parts shows how much the gradients of its parts differ, and so how
    much of their mean is chance: ``S``, the variance of the gradient of one example, is what they
    differ by times their size. With gradient accumulation the parts are the micro-batches:

        evidence = GradientEvidence(model)
        for inputs, targets in micro_batches:
            with evidence.part(len(inputs)):
                loss(model(inputs), targets).backward()
        evidence.step()
        ...                              # clip, optimizer.step(), as before
        tune.report({"train_loss": ..., **evidence.numbers()})

    The parts may be the batches of a whole epoch, too, with one ``step()`` at its end: the batch is
    then all data, for two operations a parameter and step. The weights move meanwhile, so this is
    an approximation. :meth:`examples` takes every example as a part, at the price of its own pass.

    The number is ``1 - mean(B g^2 / S)`` over the parameters, of the steps since the last
    :meth:`numbers`: above 0 where the gradient is as small as chance alone makes it. It is seen in
    ``backward``, so clipping does not touch it; a common factor on the gradients (a loss scale, a
    division by the number of micro-batches) cancels as long as it stays the same within a step.
    A step whose gradients are not finite is left out, as a loss scaler leaves it out, and one of a
    single part, which says nothing. Frozen parameters and entries that no example has touched are
    not counted.

    ``form`` says what ``S`` is measured around. ``"paper"``: around the mean, as in the paper.
    Its ratio has heavy tails, and with n parts noise alone gives (n - 1) / (n - 3), not 1: it needs
    many parts. ``"bounded"``: around 0, which is the mean that is tested. Both cross 1 together in
    each parameter, but this one is at most n, and noise that is symmetric gives exactly 1, with 2
    parts as with 2,000. For many parts the two agree.

    It holds two numbers a trainable parameter, as Adam does. In data-parallel training each worker
    sees its own share of the batch.

    Args:
        model: The model, wrapped or not; parameters may be frozen and freed while it trains.
        layers: Parameter's name to layer's; the module that holds it where it is not given.
        form: ``"bounded"`` or ``"paper"``.
        every: Measure each ``every``-th step only, and pay for no other.
        prefix: Of the names in :meth:`numbers`.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        layers: Callable[[str], str] | None = None,
        form: str = "bounded",
        every: int = 1,
        prefix: str = "evidence",
    ) -> None:
        check_name("GradientEvidence", "form", form, FORMS)
        check_count("GradientEvidence", "every", every)
        self._model, self._form, self._every, self._prefix = model, form, every, prefix
        self._layer_of = layers or _module_of
        if any(self._layer_of(name) == WHOLE for name, _ in model.named_parameters()):
            raise ValueError(f"GradientEvidence.layers must not name a layer {WHOLE!r}")
        self._moments: dict[str, Moments] = {}
        self._totals: dict[str, Tensor] = {}
        self._steps, self._size, self._parts = 0, 0, 0

    @contextmanager
    def part(self, size: int) -> Iterator[None]:
        """Around ``backward`` on a part of the batch: what it adds to the gradients is seen.

        Args:
            size: Examples in it; its loss is their mean, times what is common to all parts.
        """
        check_count("GradientEvidence.part", "size", size)
        handles = []
        if self._is_measured:
            self._count(size, 1)
            for name, parameter in self._trainable():
                moments = self._moments_of(name, parameter)
                handles.append(parameter.register_hook(_adding(moments, size)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def examples(self, loss: Callable[..., Tensor], *batch: Tensor, at_a_time: int = 64) -> None:
        """Take every example of a batch, or of all data, as a part: a pass of its own.

        ``loss(model, *batch)`` is called with batches of one example, ``at_a_time`` of them in one
        vectorised call, which holds that many gradients of the whole model. Layers that mix the
        examples of a batch are refused.
        """
        check_count("GradientEvidence.examples", "at_a_time", at_a_time)
        self._refuse_mixing()
        if not self._is_measured:
            return
        trainable = dict(self._trainable())
        each = vmap(
            grad(_loss_of_one(self._model, loss)),
            in_dims=(None, *(0 for _ in batch)),
            randomness="different",
        )
        weights = {f"model.{name}": parameter.detach() for name, parameter in trainable.items()}
        for chunk in zip(*(whole.split(at_a_time) for whole in batch), strict=True):
            found = each(weights, *chunk)
            for name, parameter in trainable.items():
                self._moments_of(name, parameter).add_each(found[f"model.{name}"])
            self._count(len(chunk[0]), len(chunk[0]))

    def step(self) -> None:
        """The batch is complete: before or after ``optimizer.step()``, whichever is at hand."""
        if self._parts > 1 and (found := self._of_this_step()):
            sound = torch.stack([*found.values()]).isfinite().all()
            for layer, told in found.items():
                kept = torch.where(sound, told[:2], 0.0)
                before = self._totals.get(layer)
                self._totals[layer] = kept if before is None else before + kept
        for moments in self._moments.values():
            moments.is_empty = True
        self._size = self._parts = 0
        self._steps += 1

    def numbers(self) -> dict[str, float]:
        """``evidence/whole`` and ``evidence/<layer>`` since the last call, as plain floats.

        Empty where nothing was measured; a layer without a gradient is not named.
        """
        if not self._totals:
            return {}
        told = torch.stack([*self._totals.values()])
        rows = dict(zip(self._totals, told.tolist(), strict=True))
        rows[WHOLE] = told.sum(0).tolist()
        self._totals = {}
        return {
            f"{self._prefix}/{layer}": 1 - said / known
            for layer, (said, known) in rows.items()
            if known > 0
        }

    @property
    def _is_measured(self) -> bool:
        return self._steps % self._every == 0

    def _trainable(self) -> Iterator[tuple[str, nn.Parameter]]:
        for name, parameter in self._model.named_parameters():
            if parameter.requires_grad:
                yield name, parameter

    def _moments_of(self, name: str, parameter: Tensor) -> Moments:
        moments = self._moments.get(name)
        if moments is None or moments.first.device != parameter.device:
            moments = self._moments[name] = Moments(parameter.detach())
        return moments

    def _count(self, size: int, parts: int) -> None:
        self._size += size
        self._parts += parts

    def _of_this_step(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for name, moments in self._moments.items():
            if moments.is_empty:
                continue
            told = moments.ratios(self._size, self._parts, self._form)
            layer = self._layer_of(name)
            found[layer] = told if layer not in found else found[layer] + told
        return found

    def _refuse_mixing(self) -> None:
        for name, module in self._model.named_modules():
            if isinstance(module, MIXING) and module.training:
                kind = type(module).__name__
                raise ValueError(
                    f"GradientEvidence.examples needs the gradient of one example, and {kind} "
                    f"{name!r} mixes those of a batch; use part() on micro-batches, or eval()"
                )


class _Loss(nn.Module):
    def __init__(self, model: nn.Module, loss: Callable[..., Tensor]) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, *batch: Tensor) -> Any:
        return self.loss(self.model, *batch)


def _loss_of_one(model: nn.Module, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    bound = _Loss(model, loss)

    def of_one(weights: dict[str, Tensor], *example: Tensor) -> Tensor:
        of_batch: Tensor = functional_call(bound, weights, tuple(each[None] for each in example))
        return of_batch

    return of_one


def _adding(moments: Moments, size: int) -> Callable[[Tensor], None]:
    return lambda gradient: moments.add(gradient, size)


def _module_of(name: str) -> str:
    return name.rpartition(".")[0] or name
