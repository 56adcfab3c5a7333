"""The figures of the bundled networks: how they come about, and that the card's are those of the weights."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from animator.diffusion.noise_schedule import full_schedule
from animator.weights.registry import find, locate
from tools.pocket.figures.attributes import ATTRIBUTES, phrases, right_values, values_of
from tools.pocket.figures.depth import depth, relative_error
from tools.pocket.figures.fid import distances, frechet
from tools.pocket.figures.fidelity import attributes_of_the_world, fidelity, places
from tools.pocket.figures.figure import Figure, read, row, tolerance, write
from tools.pocket.figures.held_out import FIRST, Drawn, drawn
from tools.pocket.figures.networks import Networks, load_networks
from tools.pocket.figures.paint import guiding, paint, scene_of
from tools.pocket.figures.precision import full_weights, precision, relative_change
from tools.pocket.figures.retrieval import estimates, own_first, retrieval, retrieval_of_estimates
from tools.pocket.world.prompts import PROMPTS

pytestmark = pytest.mark.long

FRESH = FIRST + 10_000_000
"""First seed of pictures that neither a training nor the card's figures have seen."""

PAINTED = 3
"""Prompts that are painted here, a picture each."""

QUICKLY = [
    "size=[96, 96]",
    "diffusion.steps=10",
    "guidance.cutn_batches=1",
    "guidance.cuts.overview=4",
    "guidance.cuts.innercut=4",
]
"""Settings of these pictures: smaller and with fewer steps and cuts than the card's, a tenth of the time."""


# --- the arithmetic


def test_the_own_caption_is_looked_for_in_its_group() -> None:
    texts = torch.eye(8)
    pictures = texts[[0, 1, 2, 0, 4, 5, 4, 6]]
    captions = list("abcdefgh")
    assert own_first(pictures, texts, captions, among=4) == [1, 1, 1, 0, 1, 1, 0, 0]
    # The same words are as good, and what fills no group is left out.
    assert own_first(pictures, texts, list("abcaefeh"), among=4) == [1, 1, 1, 1, 1, 1, 1, 0]
    assert own_first(pictures, texts, captions, among=6) == [1, 1, 1, 0, 1, 1]
    assert own_first(pictures[:2], texts[:4], captions[:4], among=4) == [1, 1]


def test_the_frechet_distance_of_two_normal_distributions() -> None:
    """Of N(0, 1) and N(m, s^2) in each of D dimensions it is D (m^2 + (1 - s)^2)."""
    rng = np.random.default_rng(0)
    one = rng.normal(size=(20000, 3))
    other = rng.normal(2.0, 3.0, size=(20000, 3))
    assert frechet(one, other) == pytest.approx(3 * (4 + 4), rel=0.03)
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)
    turned = one @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert frechet(one * [1, 2, 3], turned * [1, 2, 3]) < 0.05


def test_few_samples_make_the_distance_larger() -> None:
    rng = np.random.default_rng(1)
    world = rng.normal(size=(4000, 16))
    few, many = (frechet(rng.normal(size=(count, 16)), world) for count in (64, 1024))
    assert few > 4 * many


@pytest.mark.parametrize("inverse", [True, False])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.2, 3.0), (5.0, -0.1)])
def test_the_error_of_depth_knows_no_scale_and_shift(scale: float, shift: float, inverse: bool) -> None:
    truth = torch.rand(8, 8, generator=torch.Generator().manual_seed(0)) * 5 + 1
    off = truth + 0.1 * torch.randn(8, 8, generator=torch.Generator().manual_seed(1))

    def moved(depth: Tensor) -> Tensor:
        return 1 / (scale / depth + shift) if inverse else scale * depth + shift

    assert relative_error(moved(truth), truth, inverse=inverse) == pytest.approx(0, abs=1e-5)
    error = relative_error(off, truth, inverse=inverse)
    assert relative_error(moved(off), truth, inverse=inverse) == pytest.approx(error, rel=1e-3)
    assert error > 0.01


def test_the_sky_is_no_farther_than_the_world() -> None:
    """Where the fit tells a distance beyond the world's end, the end is meant."""
    truth = torch.tensor([0.5, 1.0, 10.0])
    guess = torch.tensor([0.5, 1.0, 1e9])
    assert relative_error(guess, truth) < 0.05


class Reader:
    """Stands in for a perceptor: an embedding counts the letters of a text."""

    name, size = "reader", 8

    def encode_text(self, texts: list[str]) -> Tensor:
        """Return N x 128, how often each character is there."""
        return torch.tensor([[float(text.count(chr(n))) for n in range(128)] for text in texts])

    def encode_images(self, batch: Tensor) -> Tensor:
        """Return what the first row of a picture spells."""
        return self.encode_text(["".join(chr(round(float(v) * 127)) for v in one[0, 0]) for one in batch])


def spelt(text: str) -> Tensor:
    """Return the embedding of a picture that shows a text."""
    return torch.nn.functional.normalize(Reader().encode_text([text]), dim=1)[0]


def test_attributes_are_asked_where_they_are_said() -> None:
    said = [
        {"time": "night", "thing": "castle", "paint": "yellow"},
        {"time": "dusk", "thing": "none"},
        {"thing": "tree", "paint": "red"},  # a tree is not painted
        {"thing": "boat", "paint": ""},
    ]
    texts = ["at night a photo painting", "at night a photo painting", "a tree a photo of painting", "a boat"]
    found = right_values(Reader(), torch.stack([spelt(text) for text in texts]), said)
    assert found["time"] == [1, 0]
    assert len(found["thing"]) == 3
    assert found["paint"] == [0]
    assert found["ground"] == found["style"] == []
    right = right_values(Reader(), spelt("a yellow castle a photo of painting")[None], said[:1])
    assert right["paint"] == [1]


def test_every_value_of_every_prompt_has_a_phrase() -> None:
    for attribute in ATTRIBUTES:
        assert len(set(phrases(attribute, "house"))) == len(values_of(attribute))
    told = {name for _, said in PROMPTS for name in said}
    assert set(ATTRIBUTES) <= told
    for _, said in PROMPTS:
        for attribute in ATTRIBUTES:
            assert said.get(attribute, "") in (*values_of(attribute), "", "none"), said


def test_the_place_of_the_own_prompt() -> None:
    texts = ["aaaa", "bbbb", "cccc"]
    row = torch.full((3, 8, 8), 1.0) * ord("b") / 127
    pictures = row[None, None].expand(2, 1, 3, 8, 8)  # both show the second prompt
    assert places(Reader(), pictures, texts) == [2, 1]


def test_what_chance_allows() -> None:
    """Of 2000 pairs of samples hardly any differ by more; a network that is much worse is found out."""
    rng = np.random.default_rng(2)
    apart = 0
    for _ in range(2000):
        card = Figure.of((rng.random(256) < 0.8).astype(float).tolist())
        apart += abs(np.mean(rng.random(64) < 0.8) - card.value) > tolerance(card, 64)
    assert apart < 20
    assert 0.8 - tolerance(Figure(0.8, 256, 0.4), 64) > 0.55


def test_figures_are_kept(tmp_path: Path) -> None:
    found = {"a": Figure.of([0.0, 1.0, 1.0]), "b": Figure(1.5)}
    write(found, tmp_path / "figures.json")
    kept = read(tmp_path / "figures.json")
    assert kept["a"].value == pytest.approx(2 / 3, abs=1e-5)
    assert (kept["a"].count, kept["b"]) == (3, Figure(1.5))
    assert row("a", kept["a"]) == "| a | 0.667 | 3 |"


def test_full_weights_are_known_by_what_they_round_to(tmp_path: Path) -> None:
    full = {"layer.weight": torch.randn(4, 4), "token_embedding.weight": torch.randn(2, 4)}
    stored = {
        "layer.weight": full["layer.weight"].half(),
        "token_embedding.values": full["token_embedding.weight"].half(),
        "token_embedding.rows": torch.tensor([3, 7]),
    }
    assert full_weights(stored, tmp_path) is None
    other = {f"model.{name}": value + 0.1 for name, value in full.items()}
    torch.save({"average": other}, tmp_path / "a.pt")
    assert full_weights(stored, tmp_path) is None
    wrapped = {"model.layer.whole.weight": full["layer.weight"], "naming.weight": torch.zeros(1)}
    average = {**wrapped, "model.token_embedding.weight": full["token_embedding.weight"]}
    torch.save({"average": average}, tmp_path / "b.pt")
    found = full_weights(stored, tmp_path)
    assert found is not None
    assert found.keys() == stored.keys()
    assert torch.equal(found["layer.weight"], full["layer.weight"])
    assert 0 < relative_change(stored["layer.weight"].float(), full["layer.weight"]) < 2**-11


def test_pictures_are_painted_as_a_users_are() -> None:
    """Nothing but the size, the steps and the seeds differs from a scene that says nothing."""
    loaded = scene_of("a red boat: by the sea, oil painting", [5, 6])
    scene = loaded.scene
    plain = scene_of("a", [1]).scene
    assert scene.guidance == plain.guidance == type(scene.guidance)()
    assert scene.diffusion == type(scene.diffusion)(steps=30)
    assert (scene.size, scene.seeds, scene.images) == ((128, 128), [5, 6], 2)
    assert [one.text for one in loaded.timeline.prompts.at(0)] == ["a red boat: by the sea, oil painting"]


# --- the shipped weights


@pytest.fixture(scope="module")
def card() -> dict[str, Figure]:
    """Return the figures of the card."""
    return read()


@pytest.fixture(scope="module")
def networks(card: dict[str, Figure]) -> Networks:
    """Return the bundled networks and the judge."""
    found = load_networks()
    assert found.judge is not None
    assert set(found.perceptors) == {"pocket", "pocket-vit"}
    return found


@pytest.fixture(scope="module")
def fresh() -> Drawn:
    """Return pictures that nobody has seen."""
    return drawn(FRESH, 64)


def agree(found: dict[str, Figure], card: dict[str, Figure]) -> None:
    """Hold fresh means to the card's: nearer than three standard deviations of both samples."""
    assert found
    for name, one in found.items():
        assert abs(one.value - card[name].value) <= tolerance(card[name], one.count), (name, one, card[name])


@pytest.mark.slow
def test_captions_are_found(networks: Networks, fresh: Drawn, card: dict[str, Figure]) -> None:
    found = retrieval(networks, fresh)
    agree(found, card)
    assert min(one.value for one in found.values()) > 0.3  # guessing: 0.016


@pytest.mark.slow
def test_captions_are_found_in_estimates(networks: Networks, fresh: Drawn, card: dict[str, Figure]) -> None:
    found = retrieval_of_estimates(networks, fresh, levels=(500,), count=24)
    agree(found, card)
    assert min(one.value for one in found.values()) > 0.15


@pytest.mark.slow
def test_the_secondary_model_tells_much_the_same_as_the_unet(networks: Networks, fresh: Drawn) -> None:
    pictures = fresh.pictures[:4]
    for level, most in ((250, 0.11), (500, 0.15)):
        large, small = (
            estimates(denoise, level, pictures)
            for denoise in networks.denoisers(full_schedule(1000)).values()
        )
        assert (small - pictures).square().mean().sqrt() < most
        assert (small - large).square().mean().sqrt() < most


@pytest.mark.slow
def test_depth_is_told(networks: Networks, fresh: Drawn, card: dict[str, Figure]) -> None:
    agree(depth(networks, fresh.part(32), 2), card)


@pytest.mark.slow
def test_the_judge_tells_attributes(networks: Networks, fresh: Drawn, card: dict[str, Figure]) -> None:
    found = attributes_of_the_world(networks, fresh)
    assert len(found) == len(ATTRIBUTES)
    agree(found, card)


@pytest.mark.slow
def test_prompts_are_painted(networks: Networks, card: dict[str, Figure]) -> None:
    """Prompts are found again as often as the card says, and their places are far better than by chance.

    A single picture that is taken for another prompt moves the mean place of so few by any number.
    """
    texts = [text for text, _ in PROMPTS[:PAINTED]]
    painted = paint(texts, 1, first_seed=FRESH, settings=QUICKLY)
    found = fidelity(networks, PROMPTS, painted, None, guiding())
    name = f"mean place of the own prompt among {len(PROMPTS)}, judge, guided"
    chance = (len(PROMPTS) + 1) / 2
    assert card[name].value < chance / 2
    assert found[name].value < chance / 2
    first = name.replace("mean place of the own prompt", "own prompt first").replace("among", "of")
    assert found[first].value >= card[first].value - tolerance(card[first], PAINTED) > 1 / len(PROMPTS)
    assert card[name.replace("guided", "unguided")].value == pytest.approx(chance, abs=4)


@pytest.mark.slow
def test_the_judge_tells_a_world_from_noise(networks: Networks, fresh: Drawn) -> None:
    """It was taught to see through noise of up to 0.4: this is much more."""
    half = fresh.pictures[:32]
    spoilt = (half + 1.0 * torch.randn(half.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    found = distances(networks, fresh.pictures[32:], {"true": half, "spoilt": spoilt})
    true, bad = (one.value for one in found.values())
    assert true < 0.7 * bad


@pytest.mark.slow
def test_rounding_changes_little(fresh: Drawn, card: dict[str, Figure], tmp_path: Path) -> None:
    """Where the float32 weights are not at hand, only computing in bfloat16 is told of; the card has both.

    A quarter of a picture's side is enough: bfloat16 takes a processor without it forty times as long.
    """
    one = fresh.part(1)
    small = replace(one, pictures=one.pictures[..., ::4, ::4], depths=one.depths[..., ::4, ::4])
    found = precision(small, tmp_path)
    assert len(found) == 5
    assert all(0 < one.value < 0.06 for one in found.values())
    stored = [one.value for name, one in card.items() if name.endswith("change by storing float16")]
    assert all(0 < value < 0.01 for value in stored)
    rises = [one.value for name, one in card.items() if "rise of the loss" in name]
    assert len(rises) == len(stored)
    assert all(abs(value) < 0.01 for value in rises)


def test_the_judge_is_none_of_those_that_guide(networks: Networks, card: dict[str, Figure]) -> None:
    """It is of another training: its weights are not those of the bundled perceptors."""
    from tools.pocket import JUDGE

    judge = load_file(JUDGE / "perceptor.safetensors")["visual.conv1.weight"]
    assert "judge" not in guiding()
    for name in networks.perceptors:
        other = load_file(locate(find("clip", name)))["visual.conv1.weight"]
        assert other.shape != judge.shape or not torch.equal(other, judge)
    assert all(math.isfinite(one.value) for one in card.values())
