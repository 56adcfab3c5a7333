"""What pyproject.toml cannot say: a package is stamped with the commit that it was built from."""

import re
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from animator.system.version import STAMP, commit  # noqa: E402 (a build starts outside this folder)


class Build(build_py):
    """Writes the commit beside the modules of a wheel; a checkout is asked itself, whenever it runs."""

    def run(self) -> None:
        """Build, then stamp."""
        super().run()
        if not self.editable_mode:
            _stamp(Path(self.build_lib) / "animator")


class SourceArchive(sdist):
    """Writes the commit into the root of a source archive."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Gather the files, then stamp."""
        super().make_release_tree(base_dir, files)
        _stamp(Path(base_dir))


def _stamp(folder: Path) -> None:
    if found := commit(ROOT):
        (folder / STAMP).write_text(f"{found}\n", encoding="utf-8")


def readme(source: str) -> str:
    """Return the README as a page elsewhere shows it: links and pictures are whole addresses.

    Args:
        source: the address of the source; without one, links become their texts and pictures are left out.
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if not source:
        text = re.sub(r"!\[[^\]]*\]\((?!https?:)[^)]+\)\n*", "", text)
        return re.sub(r"\[([^\]]*)\]\((?!https?:|#)[^)]+\)", r"\1", text)
    at = commit(ROOT).rstrip("+") or "main"
    text = re.sub(r"(!\[[^\]]*\]\()(?!https?:)([^)]+\))", rf"\1{source}/raw/{at}/\2", text)
    return re.sub(r"((?<!!)\[[^\]]*\]\()(?!https?:|#)([^)]+\))", rf"\1{source}/blob/{at}/\2", text)


def source() -> str:
    """Return where pyproject.toml says that the source is published."""
    found = re.search(r'(?m)^source = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return found[1].rstrip("/") if found else ""


setup(
    cmdclass={"build_py": Build, "sdist": SourceArchive},
    long_description=readme(source()),
    long_description_content_type="text/markdown",
)
