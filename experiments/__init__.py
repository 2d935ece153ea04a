"""Runnable studies: the demo sweep, the comparison of sweeps, and their recorded results."""
