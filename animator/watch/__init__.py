"""What a run keeps and shows on the way, while its pictures are painted."""

from animator.watch.watch import Watch

__all__ = ["Watch"]
