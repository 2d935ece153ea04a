"""Searchers beside each other, with the same scheduler, where the best configuration is known."""
