"""``python -m benchmarks.quality``: paint what is missing of some ways, then print their table."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.quality.figures import HEAD, judged, row
from benchmarks.quality.paint import fill, one_thread
from benchmarks.quality.sheet import write_sheet
from benchmarks.quality.ways import way_of

FOLDER = Path(".quality")


def main() -> None:
    """Paint and measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument(
        "ways",
        nargs="+",
        metavar="WAY",
        help="a way's name, or name:base:key=value;…; the first is compared with",
    )
    parser.add_argument("--prompts", type=int, default=40, help="prompts that are painted")
    parser.add_argument("--seeds", type=int, default=1, help="pictures of each")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where pictures are kept")
    parser.add_argument("--only-paint", action="store_true", help="print no table")
    parser.add_argument("--only-kept", action="store_true", help="paint nothing: the pictures that are there")
    parser.add_argument("--sheet", type=Path, help="write the pictures side by side, a way a row")
    parser.add_argument("--columns", type=int, default=8, help="pictures of a row of the sheet")
    words = parser.parse_args()
    one_thread()
    ways = [way_of(text) for text in words.ways]
    if not words.only_kept:
        for line in fill(words.folder, ways, words.prompts, words.seeds):
            print(line, flush=True)
    if words.sheet is not None:
        write_sheet(words.sheet, words.folder, ways, words.prompts, words.columns)
    if not words.only_paint:
        print(HEAD)
        for name, found in judged(words.folder, ways, words.prompts, words.seeds):
            print(row(name, found), flush=True)


if __name__ == "__main__":
    main()
