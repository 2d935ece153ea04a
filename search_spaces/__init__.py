"""One file per search space: the hyperparameters of a task, and the stopping parameters."""
