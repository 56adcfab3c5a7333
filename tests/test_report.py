"""The report of a run: its figures against others found independently, and a page that is safe to open."""

from __future__ import annotations

import colorsys
import html
import json
import math
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from animator.cli.report import report as verb
from animator.diffusion.perceptors import load_perceptor
from animator.errors import RunError, UsageError
from animator.report import write_report
from animator.report.charts import COLUMNS, pieces, thinned, ticks
from animator.report.markup import document, tag
from animator.report.measures import Measuring, drift, saturation, spread
from animator.run.render import render_scene
from animator.runs import Entry, RunFolder
from animator.scene.reading import read_scene
from animator.watch.losses import read_table
from tests.warm import Quiet

SCENE = """
models: fake
mode: 2d
size: [64, 64]
frames: 6
seed: 5
prompts: {0: ["a red house:3", "<script>alert(1)</script> & \\"fog\\""], 3: [a blue sea]}
prompt_blend: 2
camera: {zoom: "0: (1), 5: (1.1)"}
guidance: {clip_guidance_scale: 1000, tv_scale: 10}
diffusion: {steps: 4, skip_steps: 0}
"""


def render(folder: Path, text: str) -> RunFolder:
    folder.mkdir(exist_ok=True)
    (folder / "scene.yaml").write_text(text)
    render_scene(read_scene(folder / "scene.yaml"), Quiet(), out=folder / "run")  # type: ignore[arg-type]
    return RunFolder.open(folder / "run")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of six frames; it is only read."""
    return render(tmp_path_factory.mktemp("report"), SCENE).path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> RunFolder:
    """A copy of it, to be damaged."""
    return RunFolder.open(shutil.copytree(made, tmp_path / "run"))


def reported(run: RunFolder) -> tuple[dict[str, Any], str]:
    """Return the content of both files of a run's report."""
    path = write_report(run)
    assert path == run.path / "report.html"
    return json.loads((run.path / "report.json").read_bytes()), path.read_text()


def column(report: dict[str, Any], name: str) -> list[Any]:
    return [row[name] for row in report["per_frame"]]


class Seen(HTMLParser):
    """What a browser would make of a page: its tags with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.mark.slow
def test_figures_of_a_run(run: RunFolder) -> None:
    report, _ = reported(run)
    journal = run.journal()
    assert report["scene"] == "scene"
    assert (report["mode"], report["size"], report["seed"], report["fps"]) == ("2d", [64, 64], 5, 12.0)
    assert report["frames"] == {"asked": 6, "finished": 6, "measured": 6, "source": "frames"}
    assert report["versions"]["torch"] == torch.__version__
    assert column(report, "frame") == list(range(6))
    assert column(report, "seed") == [journal[frame].seed for frame in range(6)]
    seconds = sum(entry.seconds for entry in journal.values())
    assert report["time"]["seconds"] == pytest.approx(seconds)
    assert report["time"]["seconds_per_frame"] == pytest.approx(seconds / 6, rel=1e-5)
    assert report["time"]["frames_per_hour"] == pytest.approx(6 * 3600 / seconds, rel=1e-5)
    denoise = sum(entry.stages["denoise"] for entry in journal.values())
    stages = report["time"]["stages"]
    assert stages["denoise"]["seconds"] == pytest.approx(denoise, rel=1e-5)
    assert math.fsum(stage["share"] for stage in stages.values()) == pytest.approx(1, abs=1e-4)
    pictures = [cv2.imread(str(run.frame_file(frame)))[..., ::-1] for frame in range(6)]
    for picture, row in zip(pictures, report["per_frame"], strict=True):
        assert row["brightness"] == pytest.approx((picture @ [0.2126, 0.7152, 0.0722]).mean() / 255, rel=1e-5)
        hsv = [colorsys.rgb_to_hsv(*(int(part) for part in pixel)) for pixel in picture.reshape(-1, 3)]
        assert row["saturation"] == pytest.approx(np.mean([s for _, s, _ in hsv]), rel=1e-5)
    assert column(report, "flicker")[0] is None
    assert report["flicker"]["mean"] == pytest.approx(np.mean(column(report, "flicker")[1:]), rel=1e-5)
    first, last = report["brightness"]["first"], report["brightness"]["last"]
    assert report["brightness"]["drift_percent"] == pytest.approx((last / first - 1) * 100, rel=1e-3)
    assert report["films"] == ["scene.mp4"]
    assert report["command"] == f"animator render {run.path}/scene.yaml --out NEW"


def test_losses_are_those_of_the_last_step(run: RunFolder) -> None:
    report, _ = reported(run)
    tables = [read_table(run.path / f"losses/{frame:06d}.csv") for frame in range(6)]
    assert "tv" in report["losses"]
    assert set(report["losses"]) == {name for table in tables for name in table.columns}
    for row, table in zip(report["per_frame"], tables, strict=True):
        for name, value in row["losses"].items():
            assert value == pytest.approx(table[name].dropna().iloc[-1], rel=1e-5)
    tvs = [row["losses"]["tv"] for row in report["per_frame"]]
    assert report["losses"]["tv"]["most"] == max(tvs)


def test_a_film_that_darkens(run: RunFolder) -> None:
    """20 frames that go from 200 to 105 evenly: the last tenth against the first."""
    levels = [200 - 5 * frame for frame in range(20)]
    (run.path / "scene.yaml").write_text(SCENE.replace("frames: 6", "frames: 20"))
    for frame, level in enumerate(levels):
        pixels = np.full((64, 64, 3), (level, level // 2, level), np.uint8)
        run.save_frame(frame, pixels, {}, Entry(frame, "", 1, 2.0))
    report, _ = reported(run)
    weights = [[level, level // 2, level] @ np.array([0.2126, 0.7152, 0.0722]) for level in levels]
    expected = (sum(weights[-2:]) / sum(weights[:2]) - 1) * 100
    assert report["brightness"]["drift_percent"] == pytest.approx(expected, rel=1e-5)
    assert abs(report["saturation"]["drift_percent"]) < 1  # the colour stays, but for rounding
    assert report["time"]["seconds"] == 40
    means = [np.mean([level, level // 2, level]) / 255 for level in levels]
    assert column(report, "flicker")[1:] == pytest.approx(-np.diff(means), rel=1e-4)


def test_flicker_sees_noise_and_forgives_motion() -> None:
    draw = np.random.default_rng(4)
    clouds = cv2.resize(draw.uniform(0, 255, (12, 12, 3)), (112, 112), interpolation=cv2.INTER_CUBIC)
    clouds = clouds.clip(0, 255).astype(np.uint8)

    def mean_flicker(pictures: list[np.ndarray]) -> float:
        measuring = Measuring(follow=True, thumbs=())
        for number, picture in enumerate(pictures):
            measuring.add(number, picture)
        assert list(measuring.measured.flicker) == list(range(1, len(pictures)))
        return float(np.mean(list(measuring.measured.flicker.values())))

    still = [clouds[8:104, 8:104]] * 4
    moving = [clouds[8:104, 8 + n : 104 + n] for n in range(4)]
    noisy = [(one + draw.normal(0, 20, one.shape)).clip(0, 255).astype(np.uint8) for one in still]
    plain = np.mean([np.abs(a.astype(float) - b).mean() / 255 for a, b in pairwise(moving)])
    assert mean_flicker(still) == 0
    assert mean_flicker(moving) < 0.3 * plain
    assert mean_flicker(noisy) > 0.04


def test_flicker_needs_the_frame_before() -> None:
    measuring = Measuring(follow=True, thumbs=[2])
    for number in (0, 2, 3):
        measuring.add(number, np.full((40, 40, 3), 10 * number, np.uint8))
    assert list(measuring.measured.flicker) == [3]
    assert list(measuring.measured.thumbs) == [2]


@pytest.mark.slow
def test_clip_score_of_a_film(tmp_path: Path) -> None:
    """Against the perceptor itself; of the first model alone, with the weights of prompts that fade."""
    text = SCENE.replace("models: fake", "").replace("guidance: {", "guidance: {clip_models: {pocket: 1}, ")
    run = render(tmp_path, SCENE)
    (run.path / "scene.yaml").write_text(text.replace("[64, 64]", "[128, 64]"))
    for frame in range(6):
        pixels = np.zeros((64, 128, 3), np.uint8)
        pixels[:, 32:96] = (250, 40 * frame, 0)  # the middle is what is shown
        run.save_frame(frame, pixels, {}, Entry(frame, "", 1, 1.0))
    report, page = reported(run)
    assert report["clip_score"]["perceptor"] == "pocket"
    assert report["clip_score"]["skipped"] is None
    perceptor, timeline = load_perceptor("pocket"), read_scene(run.scene_file).timeline
    for frame, score in enumerate(column(report, "clip_score")):
        shown = (
            torch.tensor([250, 40 * frame, 0])
            .div(255)
            .view(1, 3, 1, 1)
            .expand(1, 3, perceptor.size, perceptor.size)
        )
        with torch.no_grad():
            seen = perceptor.encode_images(shown.contiguous())
        texts = [(one.weight, perceptor.encode_text([one.text])) for one in timeline.row(frame).prompts]
        assert len(texts) == (2 if frame < 3 else 3 if frame < 5 else 1)
        expected = sum(weight * torch.cosine_similarity(seen, text).item() for weight, text in texts)
        assert score == pytest.approx(expected, abs=1e-5)
    assert "CLIP score" in page


@pytest.mark.slow
def test_why_there_is_no_clip_score(run: RunFolder, tmp_path: Path) -> None:
    def skipped(text: str) -> str:
        run.scene_file.write_text(text)
        report, page = reported(run)
        assert report["clip_score"]["mean"] is None
        assert column(report, "clip_score") == [None] * 6
        assert html.escape(report["clip_score"]["skipped"], quote=False) in page
        return report["clip_score"]["skipped"]

    real = SCENE.replace("models: fake", "")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64, 3), np.uint8))
    assert skipped(SCENE) == "models: fake has no CLIP model"
    unknown = skipped(real.replace("guidance: {", "guidance: {clip_models: {RN50x64: 1}, "))
    assert "RN50x64" in unknown
    images = re.sub("prompts: .*\nprompt_blend: 2", f"image_prompts: {{0: [{tmp_path / 'a.png'}]}}", real)
    assert "no text prompt is for" in skipped(images)
    assert "scene cannot be read" in skipped("mode: nothing\n")


def test_a_text_of_the_scene_is_never_markup(run: RunFolder) -> None:
    evil = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    run.write_info({**run.read_info(), "scene": evil, "device": evil, "weights": {evil: evil}})
    entry = run.journal()[5]
    run.save_frame(
        5, run.read_frame(5), {}, Entry(5, entry.inputs, 1, 1.0, notes=(evil, "half a pair \ud800"))
    )
    report, page = reported(run)
    seen = Seen(page)
    assert seen.of("script") == []
    assert all(not name.startswith("on") for _, attributes in seen.tags for name in attributes)
    assert {str(image["src"])[:23] for image in seen.of("img")} == {"data:image/jpeg;base64,"}
    assert any("<script>alert(1)</script>" in text for text in seen.texts)  # the prompt, as it was written
    assert evil in "".join(seen.texts)
    assert report["scene"] == evil
    assert report["per_frame"][5]["notes"] == [evil, "half a pair \ud800"]
    assert f"frame 5: {evil}" in report["warnings"]


def test_the_page_stands_alone(run: RunFolder) -> None:
    _, page = reported(run)
    seen = Seen(page)
    (video,) = seen.of("video")
    assert video["src"] == "scene.mp4"
    assert (run.path / str(video["src"])).is_file()
    sources = [str(a.get("src") or a.get("href") or "") for _, a in seen.tags if "src" in a or "href" in a]
    beside = re.compile(r"data:.*|[^/]*|frames/[0-9]{6}\.png", re.DOTALL)
    assert all(beside.fullmatch(source) for source in sources)
    assert all((run.path / source).is_file() for source in sources if source.startswith("frames/"))
    assert "url(" not in page
    assert "@import" not in page
    assert len(seen.of("img")) == 6
    assert len(seen.of("svg")) >= 4 + 2
    assert {"camera.zoom", "“a blue sea”", "Flicker", "denoise"} <= set(seen.texts)
    for label in re.findall(r'd="M([^"]*)"', page):
        assert "nan" not in label


def test_the_same_bytes_twice_and_nothing_else_is_touched(run: RunFolder) -> None:
    def contents() -> dict[str, bytes]:
        files = [path for path in run.path.rglob("*") if path.is_file()]
        return {str(path.relative_to(run.path)): path.read_bytes() for path in files}

    for name in ("report.html", "report.json"):  # which the render wrote
        (run.path / name).unlink()
    before = contents()
    write_report(run)
    once = contents()
    write_report(run)
    assert contents() == once
    assert {name: data for name, data in once.items() if not name.startswith("report.")} == before
    assert set(once) - set(before) == {"report.html", "report.json"}


def test_without_losses_and_film(run: RunFolder) -> None:
    shutil.rmtree(run.path / "losses")
    (run.path / "scene.mp4").unlink()
    report, page = reported(run)
    assert report["losses"] == {}
    assert report["film"] is None
    assert report["films"] == []
    assert Seen(page).of("video") == []
    assert "It is not in the folder." in page
    assert "The run kept none." in page


@pytest.mark.slow
def test_pruned_frames_are_read_out_of_the_film(run: RunFolder) -> None:
    whole, _ = reported(run)
    shutil.rmtree(run.path / "frames")
    pruned, page = reported(run)
    assert pruned["frames"] == {"asked": 6, "finished": 6, "measured": 6, "source": "film"}
    assert column(pruned, "brightness") == pytest.approx(column(whole, "brightness"), abs=0.02)
    assert len(Seen(page).of("img")) == 6
    (run.path / "scene.mp4").unlink()
    bare, page = reported(run)
    assert bare["frames"]["measured"] == 0
    assert bare["frames"]["source"] is None
    assert bare["brightness"]["mean"] is None
    assert bare["time"] == whole["time"]
    assert "The pictures are not in the folder." in page


def test_what_is_damaged_is_named_and_left_out(run: RunFolder) -> None:
    run.frame_file(2).write_bytes(run.frame_file(2).read_bytes()[:90])
    (run.path / "losses/000003.csv").write_text("step,tv\n1,what\n")
    (run.path / "scene.mp4").write_bytes(b"no film")
    report, _ = reported(run)
    assert column(report, "brightness")[2] is None
    assert [frame for frame, value in enumerate(column(report, "flicker")) if value is None] == [0, 2, 3]
    assert report["per_frame"][3]["losses"] == {}
    assert any(line.startswith("frame 2: left out of the figures") for line in report["warnings"])
    assert any("000003.csv: not a table of losses" in line for line in report["warnings"])
    shutil.rmtree(run.path / "frames")
    report, _ = reported(run)
    assert any("the film cannot be read" in line for line in report["warnings"])


def test_a_run_that_is_not_whole(run: RunFolder) -> None:
    journal = run.path / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:2]))
    report, page = reported(run)
    assert report["frames"]["finished"] == 2
    assert "2 of 6" in Seen(page).texts
    journal.write_text("")
    with pytest.raises(UsageError, match="no picture is finished yet; continue with: animator resume"):
        write_report(run)
    journal.write_text("nonsense\n" + lines[0])
    with pytest.raises(RunError, match="not a line of a journal"):
        write_report(run)


def test_frames_that_a_shorter_scene_no_longer_has_are_left_out(run: RunFolder) -> None:
    run.scene_file.write_text(SCENE.replace("frames: 6", "frames: 4"))
    report, page = reported(run)
    assert column(report, "frame") == [0, 1, 2, 3]
    assert report["frames"]["asked"] == report["frames"]["finished"] == 4
    assert len(Seen(page).of("img")) == 4


def test_notices_that_the_run_keeps_come_before_those_of_its_own_scene(run: RunFolder) -> None:
    run.scene_file.write_text(SCENE.replace("5: (1.1)", "50: (1.1)"))
    run.write_info({key: value for key, value in run.read_info().items() if key != "notices"})
    report, _ = reported(run)
    assert [line for line in report["warnings"] if line.startswith("camera.zoom: the key at frame 50")]
    run.write_info({**run.read_info(), "notices": ["size: rounded down"]})
    report, page = reported(run)
    assert report["warnings"] == ["size: rounded down"]
    assert "size: rounded down" in Seen(page).texts


@pytest.mark.slow
def test_stills(tmp_path: Path) -> None:
    run = render(tmp_path, SCENE.replace("mode: 2d", "mode: still").replace("frames: 6", "images: 3"))
    run.write_info({**run.read_info(), "only": [0, 2]})
    report, page = reported(run)
    assert report["mode"] == "still"
    assert column(report, "flicker") == [None] * 3
    assert report["command"].endswith("scene.yaml --only 0,2 --out NEW")
    seen = Seen(page)
    assert seen.of("video") == []
    assert len(seen.of("img")) == 3
    assert f"2 · seed {report['per_frame'][2]['seed']}" in seen.texts
    words = [text for text in seen.texts if text.startswith("a red house:3 | <script>")]
    assert len(words) == 3  # under each picture
    assert [a["href"] for a in seen.of("a")] == [f"frames/{number:06d}.png" for number in range(3)]
    assert not any("frame" in text for text in seen.texts if text.startswith(("a ", "from")))


@pytest.mark.slow
def test_the_film_is_first_and_curves_show_where_prompts_change(run: RunFolder) -> None:
    report, page = reported(run)
    seen = Seen(page)
    assert page.index("<video") < page.index('class="figures"') < page.index('class="sheet"')
    charts = [a for a in seen.of("svg") if a.get("class") == "chart"]
    changes = [a for a in seen.of("path") if a.get("class") == "change"]
    assert len(changes) == len(charts) > 5
    assert "3: a blue sea" in seen.texts
    assert report["flicker"]["words"] in ("hardly any", "a little", "some", "much")
    assert f"flicker: {report['flicker']['words']}" in seen.texts


def test_the_verb(run: RunFolder, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(verb)
    done = CliRunner().invoke(app, [str(run.path)])
    assert (done.exit_code, done.stdout) == (0, f"{run.path / 'report.html'}\n")
    failed = CliRunner().invoke(app, [str(tmp_path / "nowhere")])
    assert failed.exit_code == 2
    assert "no such folder" in failed.output


def test_drift_compares_tenths() -> None:
    ramp = dict(enumerate(np.linspace(1, 2, 30).tolist()))
    assert drift(ramp) == pytest.approx(
        (sum(list(ramp.values())[-3:]) / sum(list(ramp.values())[:3]) - 1) * 100
    )
    assert drift({0: 0.0, 1: 1.0}) is None
    assert drift({}) is None


def test_saturation_of_black_is_none() -> None:
    assert saturation(np.zeros((4, 4, 3), np.uint8)) == 0
    assert saturation(np.full((4, 4, 3), (1, 0, 0), np.uint8)) == 1


def test_a_sheet_holds_both_ends() -> None:
    chosen = spread(range(1000), 24)
    assert len(chosen) == len(set(chosen)) == 24
    assert (chosen[0], chosen[-1]) == (0, 999)
    assert max(np.diff(chosen)) - min(np.diff(chosen)) <= 1


def test_a_long_curve_keeps_its_peaks() -> None:
    points = [(frame, math.sin(frame)) for frame in range(20000)]
    points[7001] = (7001, 9.0)
    kept = thinned(points, 19999)
    assert len(kept) <= 2 * COLUMNS + 2
    assert (7001, 9.0) in kept
    assert kept == sorted(kept)
    assert thinned(points[:50], 49) == points[:50]
    assert pieces({}) == []
    assert all(len(ticks(0, end, 6)) <= 7 for end in range(1, 3000))


def test_markup_escapes_texts_and_attributes() -> None:
    made = document(tag("p", "a<b", tag("br"), "&c", None, title='">&'))
    assert made == b'<!doctype html>\n<p title="&quot;&gt;&amp;">a&lt;b<br>&amp;c</p>\n'
    assert document(tag("p", "\ud800")).endswith(b"<p>&#55296;</p>\n")
