"""``python -m benchmarks``: measure, print a table, keep the figures."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from benchmarks import arrive, coherence, interpolate, measures
from benchmarks.machine import Machine, measured
from benchmarks.measures import Result
from benchmarks.subject import subject

PARTS = ("stages", "step", "depth", "frame", "start", "growth", "batches")
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure what is asked for."""
    others = {"arrive": arrive.main, "coherence": coherence.main, "interpolate": interpolate.main}
    if sys.argv[1:2] and sys.argv[1] in others:
        others[sys.argv[1]](sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if left out")
    parser.add_argument(
        "--full", action="store_true", help="published networks of full size, filled with noise"
    )
    parser.add_argument("--compile", action="store_true", help="compile the networks (diffusion.compile)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        help="number format of both ways; float32 on a CPU and bfloat16 on a GPU if left out",
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--out", type=Path, help="the file of the figures, in place of one in benchmarks/results"
    )
    words = parser.parse_args()
    unknown = set(words.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    parts = words.parts or PARTS
    device = torch.device(words.device)
    precision = words.precision or ("float32" if device.type == "cpu" else "bfloat16")
    machine = measured(device, precision)
    facts = {
        **machine.facts(),
        "date": datetime.date.today().isoformat(),
        "full": words.full,
        "compiled": words.compile,
        "precision": precision,
    }
    print(", ".join(f"{name}: {value}" for name, value in facts.items()))
    rows: list[Result] = []
    for result in _results(parts, machine, words.full, words.compile, words.repeats, precision):
        rows.append(result)
        print(line(result), flush=True)
    more = dict(_curves(parts, machine, words.full, words.repeats))
    kept = {"machine": facts, "rows": [dataclasses.asdict(row) for row in rows], **more}
    name = machine.name.split("@")[0].strip().replace(" ", "-").replace("(R)", "")
    out = (
        words.out
        or RESULTS / f"{name}-{'full' if words.full else 'pocket'}{'-compiled' if words.compile else ''}.json"
    )
    out.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"\n{table(rows)}\n\nkept in {out}")


def _results(
    parts: Iterable[str], machine: Machine, full: bool, compiled: bool, repeats: int, precision: str
) -> Iterable[Result]:
    how = {"diffusion__compile": str(compiled).lower(), "diffusion__precision": precision}
    one = subject(machine.device, full=full, **how)
    if "stages" in parts:
        yield from measures.stages(one, machine, repeats)
    if "step" in parts:
        yield from measures.guided_step(machine.device, machine, repeats, full=full, **how)
    if "depth" in parts:
        yield from measures.frame_but_diffusion(one, machine, repeats)
    if "frame" in parts:
        yield from measures.whole_frame(one, machine, repeats)
    if "start" in parts and not full:
        yield from measures.start(repeats)


def _curves(
    parts: Iterable[str], machine: Machine, full: bool, repeats: int
) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """Yield what is a curve and no row: cost against size, cuts, models, and the stills at once."""
    if "growth" in parts:
        found = []
        for what, amount, timing, operations in measures.growth(machine.device, full=full, repeats=repeats):
            share = machine.floor(operations) / timing.median
            print(f"{what:<7} {amount:>8g}  {timing.median * 1e3:8.1f} ms a step, {share:.0%} of the floor")
            found.append({"what": what, "amount": amount, "seconds": timing.median, "operations": operations})
        yield "growth", found
    if "batches" in parts and machine.device.type == "cuda":
        found = []
        for count, timing in measures.batches(machine.device, full=full, repeats=repeats):
            print(f"{count:>3} stills at once  {timing.median / count * 1e3:8.1f} ms each for five steps")
            found.append({"stills": count, "seconds": timing.median})
        yield "batches", found


def line(result: Result) -> str:
    """Return a result for a reader who waits."""
    ours = result.ours
    text = f"{result.what:<36} {result.precision:<8} {ours.median * 1e3:9.1f} ms "
    text += f"({ours.low * 1e3:.1f} to {ours.high * 1e3:.1f})"
    if result.plain:
        text += f"  plain {result.plain.median * 1e3:9.1f} ms, {result.plain.median / ours.median:.2f} x"
    if result.floor:
        text += f"  floor {result.floor * 1e3:.1f} ms, {result.floor / ours.median:.0%} of it reached"
    if result.peak and result.plain_peak:
        text += f"  peak {result.peak / 1e9:.1f} GB, plain {result.plain_peak / 1e9:.1f} GB"
    return text


def table(rows: Iterable[Result]) -> str:
    """Return the results as a table in Markdown."""
    lines = [
        "| what | precision | here | the plain way | times faster | floor | most memory, the plain way |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        plain = (
            f"{row.plain.median * 1e3:.1f} ms | {row.plain.median / row.ours.median:.2f}"
            if row.plain
            else " | "
        )
        floor = (
            f"{row.floor * 1e3:.1f} ms ({row.floor / row.ours.median:.0%} of it reached)" if row.floor else ""
        )
        peak = (
            f"{row.peak / 1e9:.1f} GB, {row.plain_peak / 1e9:.1f} GB" if row.peak and row.plain_peak else ""
        )
        lines.append(
            f"| {row.what} | {row.precision} | {row.ours.median * 1e3:.1f} ms | {plain} | {floor} | {peak} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
