"""The way of a frame, and the drivers that take its steps."""
