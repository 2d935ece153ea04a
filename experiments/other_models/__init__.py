"""The same scheduler on models that are no text encoders: a graph, a game, many clients."""
