"""What tests cost, so that those that take long can be left out: seconds by name in ``data/costs.json``.

A name is that of a test function, its seconds the mean over its cases, without what is set up for it,
measured by pytest's option ``--update-costs``; those below `QUICK` are not listed. Two marks follow from it:

- ``slow``: `QUICK` or more; left out by ``make test-fast``;
- ``long``: `USUAL` or more; left out by ``make test`` too, unless the test is marked ``vital``. Files that
  share something that takes long to set up say ``long`` themselves.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

FILE = Path(__file__).parent / "data" / "costs.json"

QUICK = 0.05
"""Seconds from which a test is slow."""

USUAL = 1.0
"""Seconds from which a test is long."""


def function_of(name: str) -> str:
    """Return the name of a test without its case.

    >>> function_of("tests/test_kill.py::test_killed[2d]")
    'tests/test_kill.py::test_killed'
    """
    return name.partition("[")[0]


def known() -> dict[str, float]:
    """Return the seconds of every test function of which they were measured."""
    found: dict[str, float] = json.loads(FILE.read_text())
    return found


def marks_of(name: str, costs: Mapping[str, float], vital: bool) -> set[str]:
    """Return the marks that follow from what a test costs.

    >>> sorted(marks_of("t::one[a]", {"t::one": 3.0}, False))
    ['long', 'slow']
    >>> sorted(marks_of("t::one[a]", {"t::one": 3.0}, True))
    ['slow']
    """
    cost = costs.get(function_of(name), 0.0)
    marks = {"slow"} if cost >= QUICK else set()
    return marks | ({"long"} if cost >= USUAL and not vital else set())


def write(measured: Iterable[tuple[str, float]]) -> None:
    """Write what the cases of tests took, by their names; who was not measured keeps what is known."""
    cases: dict[str, list[float]] = defaultdict(list)
    for name, seconds in measured:
        cases[function_of(name)].append(seconds)
    means = {name: sum(seconds) / len(seconds) for name, seconds in cases.items()}
    costs = {name: seconds for name, seconds in known().items() if name not in means}
    costs |= {name: round(seconds, 2) for name, seconds in means.items() if seconds >= QUICK}
    FILE.write_text(json.dumps(dict(sorted(costs.items())), indent=0) + "\n")
