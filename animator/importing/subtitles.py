"""The values of every frame that Deforum writes as subtitles (``.srt``) beside its film."""

from __future__ import annotations

import re
from typing import Any

_TIMES = re.compile(
    r"^\s*(\d+):(\d\d):(\d\d)[,.](\d+)\s*-->\s*(\d+):(\d\d):(\d\d)[,.](\d+)[^\n]*\n(.*?)(?=\n\s*\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_PART = re.compile(r"([A-Za-z#][\w#. ]*?):\s*(.*)", re.DOTALL)
_ALPHABET = re.compile(r"[^a-z0-9]+")

NAMES = {
    **{"f": "frame", "frame": "frame", "angle": "angle", "zoom": "zoom", "seed": "seed"},
    **{"trx": "translation_x", "transx": "translation_x", "translationx": "translation_x"},
    **{"try": "translation_y", "transy": "translation_y", "translationy": "translation_y"},
    **{"trz": "translation_z", "transz": "translation_z", "translationz": "translation_z"},
    **{"rotx": "rotation_3d_x", "rot3dx": "rotation_3d_x", "rotation3dx": "rotation_3d_x"},
    **{"roty": "rotation_3d_y", "rot3dy": "rotation_3d_y", "rotation3dy": "rotation_3d_y"},
    **{"rotz": "rotation_3d_z", "rot3dz": "rotation_3d_z", "rotation3dz": "rotation_3d_z"},
    **{"strsch": "strength", "strength": "strength", "strengthschedule": "strength"},
    **{"fov": "fov", "fovschedule": "fov", "near": "near", "far": "far", "prompt": "deforum_prompt"},
    **{"cfgsch": "scale", "noise": "noise", "stepssch": "steps"},
}
"""What a value is called there, folded, and in Parseq, whose frames these become."""


def is_subtitles(text: str) -> bool:
    """Return whether a text is subtitles that hold settings."""
    found = _TIMES.search(text)
    return bool(found and re.search(r"\b[A-Za-z][\w#. ]*: ?-?[\d.]+;", found[9]))


def read_subtitles(text: str) -> dict[str, Any]:
    """Return the frames of subtitles as Parseq has them: ``rendered_frames`` and ``options``.

    Each entry is one frame in turn, or the frame that it names as ``F#``.
    """
    frames: list[dict[str, Any]] = []
    times: list[float] = []
    for match in _TIMES.finditer(text):
        hours, minutes, seconds, part = match.groups()[:4]
        times.append(int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{part}"))
        values: dict[str, Any] = {"frame": len(frames)}
        body, _, prompt = match[9].partition("Prompt:")
        if prompt:
            values["deforum_prompt"] = " ".join(prompt.split()).strip("; ")
        for piece in body.replace("\n", " ").split(";"):
            one = _PART.match(piece.strip())
            name = NAMES.get(_ALPHABET.sub("", one[1].lower())) if one else None
            if one and name:
                try:
                    values[name] = float(one[2])
                except ValueError:
                    continue  # a word such as the sampler's name
        values["frame"] = int(values["frame"])
        frames.append(values)
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 12.0
    return {"rendered_frames": frames, "options": {"output_fps": round(rate, 3)}}
