"""What a run leaves on the disk, and how it is resumed after it was stopped at any moment."""

from animator.runs.files import write_atomic
from animator.runs.folder import RunFolder
from animator.runs.journal import Entry
from animator.runs.names import folder_name

__all__ = ["Entry", "RunFolder", "folder_name", "write_atomic"]
