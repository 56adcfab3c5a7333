"""How the bundled networks were trained: ``python -m tools.pocket.train`` repeats it from nothing."""
