"""Which networks there are and where their weights lie. Nothing here imports torch or fetches anything."""
