"""Larger pictures by a network or a filter. It knows nothing of scenes, films and runs."""
