"""What a run came to: its figures as ``report.json``, and the same for the eye as ``report.html``."""

from animator.report.build import write_report

__all__ = ["write_report"]
