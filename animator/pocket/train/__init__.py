"""How the bundled networks were trained: ``python -m animator.pocket.train`` repeats it from nothing."""
