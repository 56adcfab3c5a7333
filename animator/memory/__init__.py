"""How much memory a scene needs, told before any of its weights are read."""
