"""How a curve set lies on disk: its tables, their order, and the rules they keep."""
