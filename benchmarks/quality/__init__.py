"""Time to the same picture quality: what a picture costs in each of several ways, and how good it is.

``python -m benchmarks.quality`` paints and measures; see ``--help``.
"""
