"""Scores of the cells of a study, all by one CLIP model, as far as they are not known yet."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

from animator.diffusion.perceptors import Perceptor, load_perceptor
from animator.errors import RunError
from animator.report.score import Scorer, judge_of
from animator.runs.files import errors_in_one_line
from animator.runs.png import decode_png
from animator.scene.reading import LoadedScene
from animator.study.folder import StudyFolder
from animator.study.painting import FINISHED
from animator.study.results import Cell, score_key, shown_files
from animator.weights.registry import find


def usual_judge(scenes: Iterable[LoadedScene]) -> str:
    """Return the CLIP model that compares the cells: the first that a scene names; empty where none does."""
    return next(filter(None, map(judge_of, scenes)), "")


class Judge:
    """Scores cells by one CLIP model, which is loaded once, when it is first asked for.

    Args:
        name: of the CLIP model; empty: nothing is scored.
        load: returns it.

    Raises:
        UsageError: there is no such CLIP model.
    """

    def __init__(self, name: str, load: Callable[[str], Perceptor] = load_perceptor) -> None:
        self.name = find("clip", name).name if name else ""
        self.skipped = "" if name else "there is no CLIP model to score by"
        self._load = load
        self._loaded: Perceptor | None = None

    def score(self, folder: StudyFolder, cells: Iterable[Cell], shares: Sequence[str]) -> None:
        """Score the finished cells that are not scored yet, and keep the scores in the study's folder.

        Args:
            folder: of the study.
            cells: some of its cells.
            shares: of the diffusion, whose pictures are scored.
        """
        if not self.name:
            return
        scores, before = folder.scores(), 0
        for cell in cells:
            known = scores.setdefault(cell.name, {})
            missing = [share for share in shares or (FINISHED,) if score_key(self.name, share) not in known]
            if not (cell.done and missing):
                continue
            found = self._scores_of(folder, cell, missing)
            known |= {score_key(self.name, share): value for share, value in found.items()}
            before += len(found)
        if before:
            folder.write_scores({cell: values for cell, values in scores.items() if values})

    def _scores_of(self, folder: StudyFolder, cell: Cell, shares: Sequence[str]) -> dict[str, float]:
        """Return the mean score of the pictures at each share, as far as there is one."""
        found = {}
        for share in shares:
            files = shown_files(folder, cell, share)
            scorer = Scorer(cell.loaded, self.name, self._once)
            for number in sorted(scorer.wanted(sorted(files))):
                path = folder.path / files[number]
                with errors_in_one_line(path):
                    pixels = decode_png(path.read_bytes()) if path.is_file() else None
                if pixels is None:
                    raise RunError(f"{path}: not a complete PNG; remove it and give the same command again")
                scorer.add(number, pixels)
            self.skipped = scorer.scores.skipped
            if scorer.scores.values:
                found[share] = float(f"{statistics.fmean(scorer.scores.values.values()):.6g}")
        return found

    def _once(self, name: str) -> Perceptor:
        if self._loaded is None:
            self._loaded = self._load(name)
        return self._loaded
