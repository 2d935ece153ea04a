"""Reinforcement learning: a pole is balanced on a cart, and the reward is noisy.

    python -m experiments.other_models.reinforcement

The cart and pole of Barto, Sutton and Anderson (1983), up to 200 steps an episode, many episodes at
once in NumPy; the policy is a small network trained by REINFORCE. A report is the mean reward of
a few episodes, so it jumps. The rule smooths it, asks of an improvement that it exceeds the noise,
and stops a trial that has balanced the pole for good. Rewards are maximised.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray import tune
from ray.tune.schedulers import TrialScheduler
from torch import Tensor, nn

from experiments.other_models.sweep import Config, Example, main
from tune_es import After, BelowMedian, MovingMean, Patience, Smoothed, Target
from tune_es.ray import EarlyStoppingScheduler

Floats = NDArray[np.float64]

LONGEST, EPISODES, TESTS = 200, 8, 32
GRAVITY, CART, POLE, HALF_LENGTH, FORCE, TICK = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02


def moved(state: Floats, right: Floats) -> Floats:
    """Place, speed, angle and turning speed a tick later, pushed to the right or to the left."""
    _, speed, angle, turning = state.T
    sine, cosine = np.sin(angle), np.cos(angle)
    pushed = (2 * right - 1) * FORCE + POLE * HALF_LENGTH * turning**2 * sine
    pushed = pushed / (CART + POLE)
    falling = GRAVITY * sine - cosine * pushed
    falling = falling / (HALF_LENGTH * (4 / 3 - POLE * cosine**2 / (CART + POLE)))
    rolling = pushed - POLE * HALF_LENGTH * falling * cosine / (CART + POLE)
    return state + TICK * np.stack([speed, rolling, turning, falling], axis=1)


def play(
    policy: nn.Module, chance: np.random.Generator, episodes: int, *, greedy: bool = False
) -> tuple[Tensor, Tensor, NDArray[np.bool_]]:
    """What was seen and done in every step, and whether the pole was still up before it."""
    state = chance.uniform(-0.05, 0.05, (episodes, 4))
    up = np.ones(episodes, bool)
    seen: list[Tensor] = []
    done: list[Tensor] = []
    alive: list[NDArray[np.bool_]] = []
    while up.any() and len(seen) < LONGEST:
        inputs = torch.tensor(state, dtype=torch.float32)
        with torch.no_grad():
            odds = torch.sigmoid(policy(inputs)[:, 0]).numpy()
        right = odds > (0.5 if greedy else chance.random(episodes))
        seen.append(inputs)
        done.append(torch.tensor(right, dtype=torch.float32))
        alive.append(up)
        state = moved(state, right.astype(float))
        up = up & (np.abs(state[:, 0]) < 2.4) & (np.abs(state[:, 2]) < 0.2095)
    return torch.stack(seen), torch.stack(done), np.stack(alive)


def returns(alive: NDArray[np.bool_], discount: float) -> Floats:
    """The discounted reward that was still to come, 1 for every step with the pole up."""
    ahead, found = np.zeros(alive.shape[1]), np.zeros(alive.shape)
    for at in reversed(range(len(alive))):
        ahead = alive[at] * (1 + discount * ahead)
        found[at] = ahead
    return found


def train(config: Config) -> None:
    """An update a report: the mean length of its episodes, and of greedy ones for the table."""
    torch.set_num_threads(1)
    run = config["run"]
    torch.manual_seed(run["seed"])
    chance, trial = np.random.default_rng(run["seed"]), np.random.default_rng(run["seed"] + 1)
    policy = nn.Sequential(nn.Linear(4, run["width"]), nn.Tanh(), nn.Linear(run["width"], 1))
    optimizer = torch.optim.Adam(policy.parameters(), run["lr"])
    for _ in range(run["max_t"]):
        seen, done, alive = play(policy, chance, EPISODES)
        tune.report(
            {
                "reward": float(alive.sum(0).mean()),
                "greedy_reward": float(play(policy, trial, TESTS, greedy=True)[2].sum(0).mean()),
            }
        )
        update(policy, optimizer, seen, done, alive, run["discount"])


def update(
    policy: nn.Module, optimizer: Any, seen: Tensor, done: Tensor, alive: Any, discount: float
) -> None:
    """A step of REINFORCE with the mean return as the baseline."""
    gained = returns(alive, discount)
    gained = (gained - gained[alive].mean()) / (gained[alive].std() + 1e-6)
    mask, weight = torch.tensor(alive), torch.tensor(gained, dtype=torch.float32)
    told = nn.functional.binary_cross_entropy_with_logits(
        policy(seen)[..., 0], done, reduction="none"
    )
    optimizer.zero_grad()
    (told * weight)[mask].mean().backward()
    optimizer.step()


def draw(chance: random.Random) -> Config:
    """A configuration."""
    return {
        "lr": 10 ** chance.uniform(-3.5, -0.5),
        "width": chance.choice([4, 16, 64]),
        "discount": chance.choice([0.9, 0.97, 0.99]),
    }


def scheduler(max_t: int) -> TrialScheduler:
    """Ends what has balanced the pole, what is behind the others, and what no longer gains."""
    solved = Smoothed(Target(195, patience=3), by=MovingMean(3))
    flat = Smoothed(Patience(max(5, max_t // 4), noise_factor=1.0), by=MovingMean(5))
    stop = solved | BelowMedian(grace_period=max_t // 3) | After(max_t // 3, flat)
    return EarlyStoppingScheduler(metric="reward", mode="max", max_t=max_t, stop=stop)


EXAMPLE = Example("reinforcement", train, draw, scheduler, "reward", "max", 12, 60, "greedy_reward")

if __name__ == "__main__":
    main(EXAMPLE)
