"""How good the bundled networks are on what they never saw: ``python -m tools.pocket.figures`` tells."""
