"""The scene file: its schema, reading it with positions, layering, checking, and writing it out in full."""
