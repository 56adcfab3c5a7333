"""The loudness of a sound, frame by frame, as numbers that a camera can follow."""

from __future__ import annotations

import math

import numpy as np

BANDS = {"audio": (20.0, np.inf), "audio_low": (20.0, 250.0), "audio_high": (4000.0, np.inf)}
"""By name, from and to which frequency in Hz; what lies below 20 Hz, an offset included, is no sound."""

SHORTEST_WINDOW = 0.08
"""Seconds: a shorter window could not tell the bass from an offset."""

RANGE = 40.0
"""Decibels between 0 and 1."""

LOUD = 99.0
"""Percentile of the audible frames that is 1: a single bang does not make all else quiet."""

SILENCE = -80.0
"""Decibels below full scale from which on nothing is heard."""

MASKED = -60.0
"""Decibels below the loud parts of the whole sound from which on a band holds only its codec's dirt."""

QUICK = 64
"""Windows are multiples of so many samples long, which Fourier transforms like."""

SAMPLES_AT_ONCE = 1 << 22


def envelopes(samples: np.ndarray, rate: int, frames: int, fps: float) -> dict[str, np.ndarray]:
    """Return how loud a sound is at every frame, on the whole and in two bands.

    The power of band ``b`` at frame ``f`` is measured in a Hann window ``w`` that is centred on the frame's
    time ``f / fps`` and two frames long, but no shorter than `SHORTEST_WINDOW`::

        P_b(f) = 2 sum_k |X_f(k)|^2 / (n sum w^2),  k in band b,  X_f = DFT of n samples times w

    by which a full sine has the power 1/2 (Parseval). In decibels ``L = 10 log10 P`` and with ``L_loud``, the
    `LOUD`-th percentile of the frames that are audible at all, it becomes::

        value_b(f) = clip(1 + (L_b(f) - L_loud) / 40, 0, 1)

    so that 1 is loud, 0 is 40 dB softer, and each 0.25 about halves or doubles what is heard. Frames below
    `SILENCE`, and those of a band that are `MASKED`, are 0.

    Args:
        samples: one channel, shape (n,), full scale is 1.
        rate: samples a second.
        frames: how many frames the film has.
        fps: frames a second.

    Returns:
        By the names in `BANDS`, float64 of shape (frames,), 0 to 1; all 0 where the sound is silent or over.
    """
    levels = _levels(np.asarray(samples, np.float32), rate, frames, fps)
    whole = levels["audio"]
    audible = whole[whole > SILENCE]
    if not len(audible):
        return {name: np.zeros(frames) for name in BANDS}
    floor = max(SILENCE, float(np.percentile(audible, LOUD)) + MASKED)
    return {name: _scaled(level, floor) for name, level in levels.items()}


def _scaled(level: np.ndarray, floor: float) -> np.ndarray:
    audible = level > floor
    if not audible.any():
        return np.zeros(len(level))
    loud = np.percentile(level[audible], LOUD)
    return np.where(audible, np.clip(1 + (level - loud) / RANGE, 0, 1), 0.0)


def _levels(samples: np.ndarray, rate: int, frames: int, fps: float) -> dict[str, np.ndarray]:
    """Return the decibels of every band at every frame, -inf where there is nothing at all."""
    # Not filled up with zeros to a power of 2: only so an offset lies in the two lowest bins alone.
    length = QUICK * math.ceil(max(2 / fps, SHORTEST_WINDOW) * rate / QUICK)
    window = (np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2).astype(np.float32)
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    inside = {name: (frequencies >= low) & (frequencies < high) for name, (low, high) in BANDS.items()}
    scale = 2 / (length * float(np.square(window, dtype=np.float64).sum()))
    centres = np.round(np.arange(frames) * (rate / fps)).astype(np.int64)
    heard = int(np.searchsorted(centres, len(samples) + length))  # later frames are behind the sound's end
    before = length // 2
    reach = int(centres[heard - 1]) + length if heard else 0
    padded = np.pad(samples, (before, max(0, reach - before - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, length) if heard else np.empty((0, length))
    power = {name: np.zeros(frames) for name in BANDS}
    step = max(1, SAMPLES_AT_ONCE // length)
    for start in range(0, heard, step):
        some = slice(start, min(start + step, heard))
        spectrum = np.fft.rfft(windows[centres[some]] * window)
        squares = spectrum.real**2 + spectrum.imag**2
        for name, chosen in inside.items():
            power[name][some] = scale * squares[:, chosen].sum(axis=1, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return {name: 10 * np.log10(of_band) for name, of_band in power.items()}
