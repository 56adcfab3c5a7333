"""``python -m benchmarks arrive``: whether new prompts arrive in a film in time.

In each film (`MORPHS`) one prompt becomes another over `BLEND` frames. `AFTER` frames after that its frame is
scored against the new prompt by a CLIP model that never guides, and so are stills of that prompt; what counts
is the score of the frame as a share of the mean of theirs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.perceptors import Perceptor
from animator.film.loop import film
from animator.film.state import LoopState
from animator.film.stills import stills
from animator.report.score import middle
from animator.run.job import shot_of
from animator.run.sources import Sources
from animator.run.tools import load_tools
from animator.scene.reading import LoadedScene, read_text_scene
from animator.system.convert import frame_to_uint8, uint8_to_frame
from tools.pocket.figures.networks import read_judge

MORPHS = {
    "castle": ("a castle on a hill at dawn", "a castle on a hill in snow at night"),
    "lake": ("a lake with trees by day", "a lake with trees at night, moonlight"),
    "desert": ("a green forest", "a desert with sand dunes"),
}
"""By the name of a film, its first prompt and the one that it becomes."""

BEGINS, BLEND, AFTER = 10, 8, 8
"""Frame of the new prompt, frames over which it fades in, and frames after that until it is scored."""

COMMON = """\
size: [128, 128]
diffusion: {steps: 20}
guidance: {clip_guidance_scale: 8000, clamp_max: "[0.1]*400+[0.16]*600"}
guard: {policy: 'off'}
"""
"""As in `animator/scene/base/pocket.yaml`."""


def share_of(
    folder: Path, name: str, seed: int, over: Sequence[str], judge: Perceptor, wanted: float
) -> tuple[float, list[float]]:
    """Return how far a film comes as a share of what stills reach, and its score at every frame.

    Args:
        folder: where its frames are kept.
        name: of the film, one of `MORPHS`.
        seed: of it.
        over: settings laid over it.
        judge: scores the frames.
        wanted: what stills of the new prompt score.
    """
    first, then = MORPHS[name]
    count = BEGINS + BLEND + AFTER + 1
    text = f"mode: 2d\nframes: {count}\ncamera: {{zoom: 1.01}}\nseed: {seed}\nprompt_blend: {BLEND}\n{COMMON}"
    text += f"prompts: {{0: [{json.dumps(_painted(first))}], {BEGINS}: [{json.dumps(_painted(then))}]}}\n"
    loaded = read_text_scene(text, "arrive.yaml", over)
    tools = load_tools(loaded, Sources({}))
    folder.mkdir(parents=True, exist_ok=True)
    scores = []
    for one in film(loaded.timeline, shot_of(loaded, Sources({})), tools.engine, None, LoopState()):
        cv2.imwrite(str(folder / f"{one.frame:03}.png"), frame_to_uint8(one.picture)[..., ::-1])
        scores.append(score(judge, one.picture, _painted(then)))
    return scores[-1] / wanted, scores


def reached(name: str, seeds: Sequence[int], judge: Perceptor) -> float:
    """Return the mean score of stills of a film's new prompt."""
    text = _painted(MORPHS[name][1])
    scores = []
    for seed in seeds:
        loaded = read_text_scene(
            f"mode: still\nseed: {seed}\nprompts: [{json.dumps(text)}]\n{COMMON}", "still.yaml"
        )
        scores.append(score(judge, _still(loaded), text))
    return sum(scores) / len(scores)


def score(judge: Perceptor, picture: Tensor, text: str) -> float:
    """Return the cosine of the embeddings of a picture, 3 x H x W, and of a text."""
    looked = uint8_to_frame(middle(frame_to_uint8(picture), judge.size))[None]
    with torch.no_grad():
        seen, told = (
            F.normalize(one, dim=-1)[0] for one in (judge.encode_images(looked), judge.encode_text([text]))
        )
    return float(seen @ told)


def _still(loaded: LoadedScene) -> Tensor:
    tools = load_tools(loaded, Sources({}))
    (made,) = stills(loaded.timeline, shot_of(loaded, Sources({})), tools.engine, range(1), {}, batch=1)
    return made.picture


def _painted(text: str) -> str:
    return f"an oil painting of {text}"


def main(words: Sequence[str]) -> None:
    """Measure as the words of a command say; print a line a film."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks arrive")
    parser.add_argument("--folder", type=Path, default=Path("arrive"), help="frames of the films")
    parser.add_argument("--films", nargs="+", default=tuple(MORPHS), choices=tuple(MORPHS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[5], help="of the films")
    parser.add_argument("--stills", nargs="+", type=int, default=[1, 2, 3, 4], help="seeds of the stills")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="laid over the films")
    given = parser.parse_args(words)
    judge = read_judge()
    if judge is None:
        raise ValueError("there is no judge: tests/data/judge is missing")
    for name in given.films:
        wanted = reached(name, given.stills, judge)
        for seed in given.seeds:
            share, scores = share_of(given.folder / f"{name}-{seed}", name, seed, given.set, judge, wanted)
            early = " ".join(f"{one:.2f}" for one in scores[BEGINS - 1 :: 4])
            print(f"{name} {seed}: {share:.2f} of {wanted:.3f}; every 4th frame: {early}", flush=True)
