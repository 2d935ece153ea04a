"""The evidence in gradients against the formula, worked out with one backward for each example."""

from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.builders import late, refusal
from tune_es import NoEvidence, Policy
from tune_es.integrations.gradients import GradientEvidence


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def model_of(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers) if layers else nn.Sequential(nn.Linear(3, 4), nn.Tanh(), head())


def head() -> nn.Module:
    return nn.Linear(4, 2)


def data(rows: int = 12) -> tuple[Tensor, Tensor]:
    return torch.randn(rows, 3), torch.randint(0, 2, (rows,))


def loss(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(model(inputs), targets)


def gradients(model: nn.Module, inputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss(model, inputs, targets).backward()
    return {
        name: each.grad.double() for name, each in model.named_parameters() if each.grad is not None
    }


def formula(parts: list[tuple[int, dict[str, Tensor]]], form: str) -> dict[str, float]:
    """Of gradients of parts with their sizes, entry by entry."""
    total, n = sum(size for size, _ in parts), len(parts)
    ratios: dict[str, list[float]] = {}
    for name, like in parts[0][1].items():
        for at in range(like.numel()):
            seen = [(size, float(each[name].flatten()[at])) for size, each in parts]
            mean = sum(size * value for size, value in seen) / total
            around = mean if form == "paper" else 0.0
            spread = sum(size * (value - around) ** 2 for size, value in seen)
            variance = spread / (n - 1 if form == "paper" else n)
            if any(value for _, value in seen):
                ratios.setdefault(name.split(".")[0], []).append(total * mean**2 / variance)
    everything = [value for many in ratios.values() for value in many]
    found = {f"evidence/{layer}": 1 - sum(many) / len(many) for layer, many in ratios.items()}
    return {**found, "evidence/whole": 1 - sum(everything) / len(everything)}


def split(batch: tuple[Tensor, Tensor], sizes: list[int]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(batch[0].split(sizes), batch[1].split(sizes), strict=True))


def watch(
    evidence: GradientEvidence, model: nn.Module, parts: list[tuple[Tensor, Tensor]], scale: float
) -> None:
    for inputs, targets in parts:
        with evidence.part(len(inputs)):
            (scale * loss(model, inputs, targets)).backward()
    evidence.step()


@pytest.mark.parametrize("form", ["bounded", "paper"])
@pytest.mark.parametrize("sizes", [[3, 3, 3, 3], [1] * 12, [5, 4, 3], [6, 6]])
def test_micro_batches_give_the_formula(form: str, sizes: list[int]) -> None:
    model, parts = model_of(), split(data(), sizes)
    evidence = GradientEvidence(model, form=form)
    watch(evidence, model, parts, 1.0)
    expected = formula([(len(each[0]), gradients(model, *each)) for each in parts], form)
    assert evidence.numbers() == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("form", ["bounded", "paper"])
@pytest.mark.parametrize("at_a_time", [1, 5, 64])
def test_examples_give_the_formula(form: str, at_a_time: int) -> None:
    model, batch = model_of(), data()
    evidence = GradientEvidence(model, form=form)
    evidence.examples(loss, *batch, at_a_time=at_a_time)
    evidence.step()
    parts = split(batch, [1] * 12)
    expected = formula([(1, gradients(model, *each)) for each in parts], form)
    assert evidence.numbers() == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_symmetric_noise_is_worth_nothing_on_average_with_two_parts_as_with_five() -> None:
    """Over every choice of signs the bounded number is 0, exactly; the paper's is not."""
    for count in (2, 3, 5):
        sizes = torch.rand(count) + 0.1
        said: dict[str, list[float]] = {"bounded": [], "paper": []}
        for signs in itertools.product([-1.0, 1.0], repeat=count):
            for form, numbers in said.items():
                weight = nn.Parameter(torch.zeros(()))
                holder = nn.ParameterDict({"weight": weight})
                evidence = GradientEvidence(holder, form=form)
                for sign, size in zip(signs, sizes, strict=True):
                    with evidence.part(1):
                        (sign * size * weight).backward()
                evidence.step()
                numbers.append(evidence.numbers()["evidence/whole"])
        assert math.fsum(said["bounded"]) / 2**count == pytest.approx(0.0, abs=1e-6)
        assert math.fsum(said["paper"]) / 2**count < -0.2


def test_a_common_factor_clipping_and_the_optimiser_change_nothing() -> None:
    parts = split(data(), [3] * 4)
    told = []
    for scale in (1.0, 2.0**16, 0.25):
        torch.manual_seed(1)
        model = model_of()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        evidence = GradientEvidence(model)
        for inputs, targets in parts:
            with evidence.part(len(inputs)):
                (scale * loss(model, inputs, targets)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        evidence.step()
        told.append(evidence.numbers())
    assert told[1] == pytest.approx(told[0], abs=1e-6)
    assert told[2] == pytest.approx(told[0], abs=1e-6)


def test_frozen_unused_and_untouched_parameters_are_not_counted() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(50, 3)
            self.frozen = nn.Linear(3, 3).requires_grad_(False)
            self.unused = nn.Linear(3, 3)
            self.head = nn.Linear(3, 2)

        def forward(self, words: Tensor) -> Any:
            return self.head(self.frozen(self.words(words)))

    model = Odd()
    evidence = GradientEvidence(model)
    parts = [(torch.tensor([1, 2]), torch.tensor([0, 1])), (torch.tensor([3, 2]), torch.zeros(2))]
    for inputs, targets in parts:
        with evidence.part(2):
            loss(model, inputs, targets.long()).backward()
    evidence.step()
    numbers = evidence.numbers()
    assert set(numbers) == {"evidence/words", "evidence/head", "evidence/whole"}
    seen = [(2, gradients(model, inputs, targets.long())) for inputs, targets in parts]
    assert numbers == pytest.approx(formula(seen, "bounded"), abs=1e-4)
    model.frozen.requires_grad_(True)
    watch(evidence, model, [(each, target.long()) for each, target in parts], 1.0)
    assert "evidence/frozen" in evidence.numbers()


@pytest.mark.parametrize(("form", "least"), [("bounded", -3.0), ("paper", -1e9)])
def test_gradients_without_any_variance_are_certain_and_finite(form: str, least: float) -> None:
    weight = nn.Parameter(torch.ones(()))
    evidence = GradientEvidence(nn.ParameterDict({"weight": weight}), form=form)
    for _ in range(4):
        with evidence.part(1):
            (0.3 * weight).backward()
    evidence.step()
    assert least <= evidence.numbers()["evidence/whole"] <= -3.0 + 1e-5


def test_gradients_that_are_all_zero_say_nothing() -> None:
    weight = nn.Parameter(torch.ones(()))
    evidence = GradientEvidence(nn.ParameterDict({"weight": weight}))
    for _ in range(4):
        with evidence.part(1):
            (0.0 * weight).backward()
    evidence.step()
    assert evidence.numbers() == {}


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_step_that_is_not_finite_is_left_out_whole(bad: float) -> None:
    model, parts = model_of(), split(data(), [4] * 3)
    evidence = GradientEvidence(model)
    watch(evidence, model, parts, 1.0)
    expected = evidence.numbers()
    watch(evidence, model, parts, 1.0)
    for factor in (1.0, bad, 1.0):
        with evidence.part(4):
            (factor * loss(model, *parts[0])).backward()
    evidence.step()
    assert evidence.numbers() == pytest.approx(expected, abs=1e-6)


def test_numbers_are_those_since_the_last_call_and_a_single_part_says_nothing() -> None:
    model = model_of()
    evidence = GradientEvidence(model)
    assert evidence.numbers() == {}
    watch(evidence, model, [data()], 1.0)
    assert evidence.numbers() == {}
    one, two = split(data(), [6, 6]), split(data(), [6, 6])
    told = []
    for parts in (one, two):
        watch(evidence, model, parts, 1.0)
        told.append(evidence.numbers()["evidence/whole"])
    for parts in (one, two):
        watch(evidence, model, parts, 1.0)
    assert evidence.numbers()["evidence/whole"] == pytest.approx(sum(told) / 2, abs=1e-6)
    assert evidence.numbers() == {}


def test_only_every_third_step_is_measured() -> None:
    model, steps = model_of(), [split(data(), [6, 6]) for _ in range(4)]
    sparse, dense = GradientEvidence(model, every=3), GradientEvidence(model)
    for at, parts in enumerate(steps):
        watch(sparse, model, parts, 1.0)
        if at in (0, 3):
            watch(dense, model, parts, 1.0)
    assert sparse.numbers() == pytest.approx(dense.numbers(), abs=1e-6)


def test_bfloat16_and_autocast_are_summed_in_float32() -> None:
    for model, context in (
        (model_of().bfloat16(), torch.autocast("cpu", enabled=False)),
        (model_of(), torch.autocast("cpu", dtype=torch.bfloat16)),
    ):
        evidence = GradientEvidence(model)
        dtype = next(model.parameters()).dtype
        for inputs, targets in split(data(), [3] * 4):
            with evidence.part(3):
                with context:
                    lost = loss(model, inputs.to(dtype), targets)
                lost.backward()
        evidence.step()
        assert {each.first.dtype for each in evidence._moments.values()} == {torch.float32}
        assert all(map(math.isfinite, evidence.numbers().values()))


def test_sparse_gradients_are_counted() -> None:
    told = []
    for sparse in (False, True):
        torch.manual_seed(0)
        words = nn.Embedding(9, 2, sparse=sparse)
        evidence = GradientEvidence(words)
        for at in range(3):
            with evidence.part(2):
                words(torch.tensor([at, at + 1])).pow(2).sum().backward()
        evidence.step()
        told.append(evidence.numbers())
    assert told[0] == pytest.approx(told[1])


def test_layers_can_be_named_and_the_model_is_left_as_it_was() -> None:
    model = model_of()
    evidence = GradientEvidence(model, layers=lambda _: "body", prefix="sure")
    watch(evidence, model, split(data(), [6, 6]), 1.0)
    numbers = evidence.numbers()
    assert numbers["sure/body"] == numbers["sure/whole"]
    assert all(type(each) is float for each in numbers.values())
    assert all(not each._backward_hooks for each in model.parameters())
    pickle.dumps(model)


def test_a_backward_that_fails_leaves_no_hook() -> None:
    model = model_of()
    evidence = GradientEvidence(model)
    with pytest.raises(RuntimeError, match="out of memory"), evidence.part(1):
        raise RuntimeError("out of memory")
    assert all(not each._backward_hooks for each in model.parameters())


def test_dropout_is_drawn_for_each_example_and_batch_normalisation_is_refused() -> None:
    inputs, targets = data()
    dropped = model_of(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    evidence = GradientEvidence(dropped)
    evidence.examples(loss, inputs, targets)
    evidence.step()
    assert evidence.numbers()
    mixing = model_of(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    evidence = GradientEvidence(mixing)
    assert "BatchNorm1d '1' mixes" in refusal(evidence.examples, loss, inputs, targets)
    mixing.eval()
    evidence.examples(loss, inputs, targets)


def test_pure_noise_is_stopped_and_a_trend_is_not() -> None:
    """Learning a mean: labels with a signal go on, labels without stop at once."""
    policy = Policy(
        "train_loss",
        "min",
        stop=NoEvidence(patience=3, smoothing=0.5),
        other_metrics={"evidence/whole": "min"},
    )
    stops = []
    for strength in (1.0, 0.0):
        torch.manual_seed(0)
        inputs = torch.randn(400, 30)
        targets = strength * inputs.sum(1) + torch.randn(400)
        model = nn.Linear(30, 1)
        nn.init.zeros_(model.weight)
        evidence = GradientEvidence(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        rows = []
        for _ in range(15):
            optimizer.zero_grad()
            for part in range(20):
                rows_of = slice(part * 20, part * 20 + 20)
                with evidence.part(20):
                    error = nn.functional.mse_loss(model(inputs[rows_of])[:, 0], targets[rows_of])
                    (error / 20).backward()
            evidence.step()
            optimizer.step()
            rows.append({"train_loss": error.item(), **evidence.numbers()})
        decision = policy.first_stop(rows)
        stops.append(None if decision is None else decision.step)
    assert stops[0] is None
    assert stops[1] is not None
    assert stops[1] <= 8


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(GradientEvidence, head(), form="papr"), "did you mean 'paper'?"),
        (late(GradientEvidence, head(), every=0), "GradientEvidence.every must be a whole number"),
        (
            late(GradientEvidence, head(), layers=lambda _: "whole"),
            "GradientEvidence.layers must not name a layer 'whole'",
        ),
    ],
)
def test_what_is_refused(build: Callable[[], Any], words: str) -> None:
    assert words in refusal(build)
