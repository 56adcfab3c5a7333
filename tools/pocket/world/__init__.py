"""A small world of captioned landscapes with their true depth, drawn from a seed."""
