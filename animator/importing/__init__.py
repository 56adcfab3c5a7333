"""Settings files of other programs, read into scenes: nothing in them is ever evaluated or opened."""
