"""What it costs: the published table, and how the parts go together."""

from __future__ import annotations

import math
import statistics

import pytest

from tests.builders import refusal
from tune_es.privacy import Account, Training, draw_runs

DELTA = 1e-5
#: 60 epochs of 60,000 examples in batches of 256 on average.
TRAINING = Training(sampling=256 / 60_000, noise=1.1, steps=60 * 60_000 // 256)

#: Number of runs, best shown alone, all shown.
TABLE = {10: (4.29, 9.59), 30: (4.72, 18.94), 100: (5.11, 42.57)}


def test_a_training_costs_what_is_published() -> None:
    assert Account(DELTA, TRAINING).of_training == pytest.approx(2.597, abs=5e-4)


@pytest.mark.parametrize("runs", TABLE)
def test_repeated_runs_cost_what_is_published(runs: int) -> None:
    account = Account(DELTA, TRAINING, runs=runs)
    best, shown = TABLE[runs]
    assert account.best_alone == pytest.approx(best, abs=0.0055)  # 4.715 has become 4.72 there
    assert account.all_shown == pytest.approx(shown, abs=0.005)


def test_a_stop_alone_costs_its_epsilon_for_every_life_and_run() -> None:
    assert Account(DELTA, stop=0.5).of_run == 0.5
    assert Account(DELTA, stop=0.5, lives=3).of_run == 1.5
    assert Account(DELTA, stop=0.5, runs=4).all_shown == 2.0
    assert Account(DELTA, stop=0.5, runs=1000).all_shown < 500  # small costs add up like noise
    assert Account(DELTA, stop=0.5, runs=1000).best_alone == pytest.approx(1.0, abs=0.03)


def test_training_and_stop_add_up_unless_no_example_is_in_both() -> None:
    both = Account(DELTA, TRAINING, stop=1.0)
    apart = Account(DELTA, TRAINING, stop=1.0, shared=False)
    assert both.of_run <= both.of_training + both.of_stop + 1e-9
    assert both.of_run > both.of_training
    assert apart.of_run == both.of_training
    assert Account(DELTA, TRAINING, stop=5.0, shared=False).of_run == pytest.approx(5.0)


def test_more_never_costs_less() -> None:
    costs = [Account(DELTA, TRAINING, stop=0.3, runs=runs) for runs in (1, 2, 5)]
    for name in ("all_shown", "best_alone"):
        found = [getattr(each, name) for each in costs]
        assert found == sorted(found)
    assert all(each.best_alone >= each.of_run for each in costs)


def test_the_report_says_the_total_and_what_it_leaves_out() -> None:
    account = Account(DELTA, TRAINING, stop=1.0, runs=30, shared=False)
    text = account.text()
    assert f"total, all of 30 runs shown              {account.all_shown:.3f}" in text
    assert f"total, the best of about 30 shown alone  {account.best_alone:.3f}" in text
    assert "Not covered" in text
    assert "is never among both" in text
    assert "total" not in Account(DELTA, stop=1.0).text()


def test_what_cannot_be_is_refused() -> None:
    assert "Training.sampling" in refusal(Training, 1.5, 1.0, 10)
    assert "Account.delta" in refusal(Account, 0)
    assert "Account.training must be a Training" in refusal(Account, DELTA, 1.0)
    assert "draw_runs.mean must be a number above 1" in refusal(draw_runs, 1)


def test_the_number_of_runs_has_the_mean_it_should_have_and_no_upper_end() -> None:
    drawn = [draw_runs(3) for _ in range(4000)]
    assert statistics.mean(drawn) == pytest.approx(3, abs=6 * spread(3) / math.sqrt(4000))
    assert drawn.count(1) > drawn.count(2) > drawn.count(3)
    assert max(drawn) > 10


def spread(mean: float) -> float:
    """The standard deviation of the logarithmic distribution, from its definition."""
    low, high = 1e-9, 1 - 1e-9
    while high - low > 1e-12:
        stays = (low + high) / 2
        found = -stays / ((1 - stays) * math.log(1 - stays))
        low, high = (stays, high) if found < mean else (low, stays)
    shares = [-(stays**k) / k / math.log(1 - stays) for k in range(1, 4000)]
    return math.sqrt(sum(share * (k - mean) ** 2 for k, share in enumerate(shares, start=1)))
