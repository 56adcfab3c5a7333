"""Settings of `video` that contradict one another."""

from __future__ import annotations

from animator.scene.fit import Fit
from animator.settings.scene import Scene


def check_video(scene: Scene, fit: Fit) -> None:
    """Note a last pass along a flow that the scene does without."""
    name, video = "video.finish", scene.video
    if scene.mode == "video" and video.finish == "flow" and video.flow == "none":
        message = "is flow, but video.flow is none; choose finish: linear, or a flow such as dis"
        fit.report(fit.nodes[name], name, message)
