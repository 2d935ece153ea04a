"""Faults put into real sweeps, and whether anything was lost or decided otherwise for them."""
