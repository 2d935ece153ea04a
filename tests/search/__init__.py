"""The room of Optuna: what a study is told, and what its model sees."""
