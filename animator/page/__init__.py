"""The page: watch, steer and browse runs in a browser, on this machine alone.

The server imports no torch: it reads journals and files, starts renders as processes of their own, and asks a
helper process (`animator.page.helper`) for everything that needs a scene to be read.
"""
