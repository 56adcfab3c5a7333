"""What a run has left to make, and from which saved states."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from animator.run.plan import Gap, in_a_row, plan_of
from animator.runs import Entry

INPUTS = [f"hash {number}" for number in range(8)]


@dataclass
class Run:
    """What a plan reads of a run folder: its finished frames, and whose its states are."""

    entries: dict[int, Entry]
    kept: dict[int, str] = field(default_factory=dict)

    def finished_frames(self) -> dict[int, Entry]:
        return self.entries

    def states(self) -> list[int]:
        return sorted(self.kept)

    def inputs_of_state(self, frame: int) -> str:
        return self.kept[frame]


def entries(*numbers: int, stopped: float = 1.0) -> dict[int, Entry]:
    return {number: Entry(number, INPUTS[number], 1, 1.0, stopped=stopped) for number in numbers}


def states(*numbers: int) -> dict[int, str]:
    return {number: INPUTS[number] for number in numbers}


def plan(run: Run, stop_at: float = 1.0, *, still: bool = False, numbers=range(8)):
    return plan_of(run, numbers, INPUTS, stop_at, still=still)  # type: ignore[arg-type]


def test_a_run_without_frames_is_one_gap() -> None:
    found = plan(Run({}))
    assert (found.done, found.gaps, found.missing) == (frozenset(), (Gap(0, 7),), list(range(8)))


def test_a_finished_run_has_no_gap() -> None:
    found = plan(Run(entries(*range(8)), states(6, 7)))
    assert (found.done, found.gaps, found.missing) == (frozenset(range(8)), (), [])


def test_a_gap_is_reached_from_the_states_before_it_the_nearest_first() -> None:
    found = plan(Run(entries(0, 1, 2, 4, 5), states(0, 1, 4, 5)))
    assert found.gaps == (Gap(3, 3, (1, 0)), Gap(6, 7, (5, 4, 1, 0)))
    assert found.missing == [3, 6, 7]


def test_a_frame_and_a_state_of_another_scene_do_not_count() -> None:
    run = Run(entries(0, 1, 2, 3), {**states(0), 1: "of another scene", 2: "of another scene"})
    run.entries[2] = Entry(2, "of another scene", 1, 1.0)
    found = plan(run, numbers=range(4))
    assert found.gaps == (Gap(2, 2, (0,)),)
    assert found.entries == run.entries


def test_a_state_behind_a_film_that_became_shorter_does_not_count() -> None:
    assert plan(Run(entries(0), {**states(0), 9: "hash 9"})).gaps == (Gap(1, 7, (0,)),)


@pytest.mark.parametrize(("stop_at", "missing"), [(0.3, []), (0.5, []), (0.6, [1]), (1.0, [1])])
def test_a_draft_counts_as_far_as_it_was_painted(stop_at: float, missing: list[int]) -> None:
    run = Run({**entries(0), **entries(1, stopped=0.5)}, states(0))
    found = plan(run, stop_at, still=True, numbers=(0, 1))
    assert found.missing == missing
    assert found.gaps == tuple(Gap(number, number) for number in missing)


def test_stills_that_were_chosen_make_gaps_of_their_own() -> None:
    found = plan(Run(entries(4)), still=True, numbers=(1, 2, 4, 6))
    assert found.gaps == (Gap(1, 2), Gap(6, 6))


def test_rows_of_numbers() -> None:
    assert in_a_row([]) == []
    assert in_a_row([3]) == [(3, 3)]
    assert in_a_row([0, 1, 2, 5, 7, 8]) == [(0, 2), (5, 5), (7, 8)]
