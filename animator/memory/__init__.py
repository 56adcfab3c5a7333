"""How much memory a scene needs, known before any of its weights are read."""
