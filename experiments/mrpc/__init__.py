"""Early stopping strategies on MRPC, compared on full runs and on live ones."""
