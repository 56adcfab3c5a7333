"""How good the bundled networks are on what they never saw: ``python -m animator.pocket.figures`` tells."""
