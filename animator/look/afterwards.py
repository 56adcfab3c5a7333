"""What is made of the finished frames, for a reader of the plan."""

from __future__ import annotations

from collections.abc import Iterator

from animator.scene.shown import shown_range
from animator.settings.scene import Scene
from animator.settings.upscale import target_of
from animator.system.devices import choose_device
from animator.upscale.load import model_name
from animator.video.interpolate import count_between


def afterwards(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield what a scene asks for after its frames: what it is, and how much.

    Args:
        scene: the scene.
    """
    output, film = scene.output, scene.mode != "still"
    shown = len(shown_range(scene))
    eyes = 2 if scene.vr.enabled else 0
    what = "frames" if film else "pictures"
    target = target_of(output.upscale.to, output.upscale.scale, scene.size)
    if target is not None:
        more = f", and {eyes * shown} of both eyes" if eyes else ""
        yield (
            "made larger",
            f"{shown} {what} to {_sides(target)} by {_model(scene, output.upscale.model)}{more}",
        )
    if film and output.interpolate_to:
        made = count_between(shown, scene.fps, output.interpolate_to)
        yield (
            "at a higher rate",
            f"{made} frames at {output.interpolate_to:g} a second by {output.interpolate_by}",
        )
    finish = output.finish
    large, rate = target_of(finish.to, finish.scale, scene.size), finish.fps or scene.fps
    if film and (large is not None or finish.fps is not None):
        parts = ["without flicker"] if finish.deflicker else []
        if large is not None:
            parts.append(f"{shown} frames to {_sides(large)} by {_model(scene, finish.model)}")
        if rate != scene.fps:
            made = count_between(shown, scene.fps, rate)
            parts.append(f"{made} frames at {rate:g} a second by {output.interpolate_by}")
        yield "finished film", ", ".join(parts)
    if film and output.sequence != "none":
        depths = (
            f", with {scene.count} depth estimates" if output.sequence == "exr" and scene.mode == "3d" else ""
        )
        yield "sequence", f"{shown} {output.sequence} files{depths}"


def _sides(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _model(scene: Scene, model: str) -> str:
    if scene.models == "fake" and model == "auto":
        return "lanczos"
    return model_name(model, choose_device(scene.device))  # type: ignore[arg-type]
