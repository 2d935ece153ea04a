"""Both trainers in a data-parallel run: one of the processes that `test_distributed.py` starts."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

RANK = int(os.environ["RANK"])


def transformers(folder: Path) -> dict[str, Any]:
    """A budget in seconds, and clocks that differ: on that of the first process an hour goes by."""
    from transformers import TrainerCallback

    from tests.integrations.tiny import trainer
    from tune_es import Budget, Policy
    from tune_es.integrations.transformers import PolicyCallback

    callback = PolicyCallback(Policy("eval_loss", "min", stop=Budget(seconds=1800)))

    class Late(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if RANK == 0 and state.global_step == 4:
                callback._run._started -= 3600

    run = trainer(folder / "transformers", callback, Late())
    run.train()
    return {"step": run.state.global_step, "why": callback.why}


def lightning(folder: Path) -> dict[str, Any]:
    """Scores that differ: those of the first process are judged."""
    from tests.integrations.test_lightning import POLICY, SCORES, Module, fit
    from tune_es.integrations.lightning import PolicyCallback

    callback = PolicyCallback(POLICY, restore_best=True)
    module = Module(SCORES if RANK == 0 else [float(at) for at in range(99)], 2)
    trainer = fit(folder, callback, module=module, devices=2, strategy="ddp")
    best = callback.decision.best_step if callback.decision is not None else None
    weight = float(next(module.parameters()).sum())
    return {"step": trainer.global_step, "why": callback.why, "best": best, "weight": weight}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = {each.__name__: each(Path(sys.argv[1])) for each in (transformers, lightning)}
    Path(sys.argv[1], f"{RANK}.json").write_text(json.dumps(found))
