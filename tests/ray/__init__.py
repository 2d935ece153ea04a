"""Early stopping on a real Ray; TRAPS.md says which test shows which trap of Ray Tune."""
