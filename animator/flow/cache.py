"""Flows that are computed once and kept on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from animator.system.disk import errors_in_one_line
from animator.types import Flow, FlowEstimator, Frame

NAMES = ("forward", "backward")


class FlowCache:
    """Keeps the flows between the frames of footage, a file a pair, as float16: to 1/16 of a pixel below 128.

    A file that is damaged, or of another key or size, is computed again.

    Args:
        folder: where the files lie, ``000012.safetensors`` for the pair of frames 11 and 12; it is made when
            the first one is written.
        estimator: what computes a pair that is not there.
        key: what the flows depend on besides the frame's number: footage and choice of its frames, size, name
            of the estimator.
    """

    def __init__(self, folder: Path, estimator: FlowEstimator, key: str) -> None:
        self.folder = Path(folder)
        self.estimator = estimator
        self.key = key

    def both_ways(self, index: int, first: Frame, second: Frame) -> tuple[Flow, Flow]:
        """Return the flow from ``first`` to ``second`` and the one back, the same whenever it is asked for.

        Args:
            index: number of ``second``; ``first`` is the frame before it.
            first: the earlier frame.
            second: the later one, of the same size.

        Raises:
            ValueError: the frames have different sizes.
            RunError: the disk refuses to give or to take a file.
        """
        path = self.folder / f"{index:06d}.safetensors"
        flows = self._read(path, tuple(second.shape[1:]))
        if flows is None:
            flows = [_halved(flow) for flow in self.estimator.both_ways(first, second)]
            self._write(path, flows)
        forward, backward = (flow.to(first.device, torch.float32) for flow in flows)
        return forward, backward

    def _read(self, path: Path, size: tuple[int, ...]) -> list[Tensor] | None:
        """Return the flows of a file, or None where it does not hold what is asked for."""
        try:
            if not os.path.isfile(path):
                return None
            with errors_in_one_line(path), safe_open(path, framework="pt") as file:
                if (file.metadata() or {}).get("key") != self.key:
                    return None
                flows = [file.get_tensor(name) for name in NAMES]
        except SafetensorError:
            return None
        fits = all(flow.shape == (2, *size) and flow.dtype == torch.float16 for flow in flows)
        return flows if fits else None

    def _write(self, path: Path, flows: list[Tensor]) -> None:
        """Write a file under another name and rename it: a killed program leaves no half of one."""
        data = save(dict(zip(NAMES, flows, strict=True)), {"key": self.key})
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with errors_in_one_line(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(data)
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)


def _halved(flow: Flow) -> Tensor:
    """Return a flow as float16, on the CPU; what lies beyond its range is not a motion that was found."""
    largest = torch.finfo(torch.float16).max
    return flow.detach().cpu().clamp(-largest, largest).to(torch.float16).contiguous()
