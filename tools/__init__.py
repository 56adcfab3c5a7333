"""Programs for those who develop animator; no part of what is installed."""
