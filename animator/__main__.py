"""``python -m animator`` is the same as ``animator``."""

from __future__ import annotations

from animator.start import main

if __name__ == "__main__":
    main()
