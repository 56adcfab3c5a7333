"""The way of a scene through a run: gather, load, plan, make, write, assemble."""
