"""Prompts as a latent network reads them: states of the text towers, blended by their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from animator.latent.emphasis import fragments
from animator.latent.parts import TextTower


@dataclass(frozen=True)
class Meaning:
    """What a text means to a network.

    Attributes:
        states: 1 x tokens x width, in whole chunks of what a tower reads at once.
        pooled: 1 x width, of the last tower, where the network asks for it (SDXL); else None.
    """

    states: Tensor
    pooled: Tensor | None = None


class Reader:
    """Reads texts with the towers of a network; remembers what it read.

    Args:
        towers: in the order in which their states are joined.
        pooled: whether the last one's summary is wanted too, as SDXL does.
        device: where the towers are.
    """

    def __init__(self, towers: Sequence[TextTower], pooled: bool, device: torch.device) -> None:
        self.towers = towers
        self.pooled = pooled
        self.device = device
        self._known: dict[tuple[str, int], Meaning] = {}

    def chunks(self, text: str) -> int:
        """Return how many chunks a text takes: 75 tokens each, one at least."""
        return max(len(_chunked(tower, text)) for tower in self.towers)

    def read(self, text: str, chunks: int = 1) -> Meaning:
        """Return what a text means, in at least so many chunks."""
        chunks = max(chunks, self.chunks(text))
        if (text, chunks) not in self._known:
            with torch.no_grad():
                self._known[text, chunks] = self._read(text, chunks)
        return self._known[text, chunks]

    def forget(self) -> None:
        """Forget what was read: the towers are others now."""
        self._known.clear()

    def _read(self, text: str, chunks: int) -> Meaning:
        if self.pooled and not text.strip():
            # The published SDXL is asked with zeros where there is no negative prompt.
            empty = self._states("", chunks)
            return Meaning(torch.zeros_like(empty.states), torch.zeros_like(_summary(empty)))
        return self._states(text, chunks)

    def _states(self, text: str, chunks: int) -> Meaning:
        towers, summary = [], None
        for tower in self.towers:
            states, last = _tower_states(tower, text, chunks, self.device)
            towers.append(states)
            summary = last if self.pooled else None
        return Meaning(torch.cat(towers, dim=-1), summary)


def blend(meanings: Sequence[tuple[Meaning, float]]) -> Meaning:
    """Return the sum of meanings, each times its share; all have as many chunks."""
    states = torch.stack([one.states * share for one, share in meanings]).sum(dim=0)
    if meanings[0][0].pooled is None:
        return Meaning(states)
    return Meaning(states, torch.stack([_summary(one) * share for one, share in meanings]).sum(dim=0))


def _summary(meaning: Meaning) -> Tensor:
    assert meaning.pooled is not None
    return meaning.pooled


def _tower_states(
    tower: TextTower, text: str, chunks: int, device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Return 1 x tokens x width of all chunks, and the summary of the first, if the tower makes one."""
    rows = _chunked(tower, text)
    rows += [([], [])] * (chunks - len(rows))
    length = _length(tower)
    tokenizer, parts, summary = tower.tokenizer, [], None
    for number, (tokens, stress) in enumerate(rows):
        whole = [tokenizer.bos_token_id, *tokens, tokenizer.eos_token_id]
        whole += [tokenizer.pad_token_id] * (length - len(whole))
        answer = tower.encoder(torch.tensor([whole], device=device), output_hidden_states=True)
        states = answer.hidden_states[-2] if tower.penultimate else answer.last_hidden_state
        weights = torch.ones(length, device=device)
        weights[1 : 1 + len(stress)] = torch.tensor(stress, device=device)
        parts.append(_stressed(states.float(), weights))
        if number == 0:
            summary = _pooled(answer)
    return torch.cat(parts, dim=1), summary


def _pooled(answer: Any) -> Tensor | None:
    found = getattr(answer, "text_embeds", None)
    return None if found is None else found.float()


def _stressed(states: Tensor, weights: Tensor) -> Tensor:
    """Return states times the stress of each token; the root mean square of all of them stays."""
    if bool((weights == 1).all()):
        return states
    louder = states * weights[None, :, None]
    return louder * (states.square().mean() / louder.square().mean().clamp(min=1e-12)).sqrt()


def _length(tower: TextTower) -> int:
    """Return how many tokens a tower reads at once, those that mark begin and end among them."""
    config: Any = tower.encoder.config
    return int(min(tower.tokenizer.model_max_length, config.max_position_embeddings))


def _chunked(tower: TextTower, text: str) -> list[tuple[list[int], list[float]]]:
    """Return the tokens of a text and the stress of each, in chunks of what a tower reads at once."""
    tokens: list[int] = []
    stress: list[float] = []
    for words, factor in fragments(text):
        found = tower.tokenizer(words, add_special_tokens=False, truncation=False, verbose=False).input_ids
        tokens += found
        stress += [factor] * len(found)
    room = _length(tower) - 2
    return [
        (tokens[begin : begin + room], stress[begin : begin + room])
        for begin in range(0, max(len(tokens), 1), room)
    ]
