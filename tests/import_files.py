"""Settings files as people published them for other programs, made here by their kinds; by name."""

from __future__ import annotations

import io
import json
import random

from PIL import Image
from PIL.PngImagePlugin import PngInfo

STILL_MOTION = {
    **{"key_frames": True, "angle": "0:(0)", "zoom": "0: (1), 10: (1.05)", "translation_x": "0: (0)"},
    **{"translation_y": "0: (0)", "translation_z": "0: (10.0)", "rotation_3d_x": "0: (0)"},
    **{"rotation_3d_y": "0: (0)", "rotation_3d_z": "0: (0)", "midas_depth_model": "dpt_large"},
    **{"midas_weight": 0.3, "near_plane": 200, "far_plane": 10000, "fov": 40, "padding_mode": "border"},
}
DISCO_50 = {
    "text_prompts": {"0": ["A lighthouse by the sea:3", "fog:-0.5"], "40": ["A storm"]},
    "image_prompts": {},
    **{"clip_guidance_scale": 5000, "tv_scale": 0, "range_scale": 150, "sat_scale": 0, "cutn_batches": 4},
    **{"max_frames": 10000, "interp_spline": "Linear", "init_image": None, "init_scale": 1000},
    **{"skip_steps": 10, "frames_scale": 1500, "frames_skip_steps": "60%", "perlin_init": False},
    **{"perlin_mode": "mixed", "skip_augs": False, "randomize_class": True, "clip_denoised": False},
    **{"clamp_grad": True, "clamp_max": 0.05, "seed": 3821711738, "fuzzy_prompt": False, "rand_mag": 0.05},
    **{"eta": 0.8, "width": 1156, "height": 768, "use_secondary_model": True, "steps": 250},
    **{"diffusion_model": "512x512_diffusion_uncond_finetune_008100", "diffusion_steps": 1000},
    **{"ViTB32": True, "ViTB16": True, "ViTL14": False, "RN101": False, "RN50": True, "SLIPB16": False},
    **{"cut_overview": "[12]*400+[4]*600", "cut_innercut": "[4]*400+[12]*600", "cut_ic_pow": 1},
    **{"cut_icgray_p": "[0.2]*400+[0]*600", **STILL_MOTION, "sampling_mode": "bicubic"},
    **{"video_init_path": "training.mp4", "extract_nth_frame": 2, "turbo_mode": False, "turbo_steps": "3"},
    "turbo_preroll": 10,
}
DISCO_57 = {**DISCO_50, "diffusion_sampling_mode": "ddim", "transformation_percent": [0.09]}
CLIP = {
    **DISCO_50,
    "text_prompts": {str(25 * n): [f"scene {n}, oil painting:.5", ":.5:.5", "text-1"] for n in range(24)},
}
CLIP |= {
    **{"max_frames": 600, "turbo_mode": True, "turbo_steps": "2", "cut_overview": "[14]*1000+[2]*2000"},
    **{"cut_innercut": "[2]*297030", "translation_z": "0: (3), 100: (5)), 200: (4) 300: (9), 300: (2)"},
    **{"rotation_3d_y": "0: (0), 50: (0.01), 90: (-0.02), 120(0)", "frames_skip_steps": "60%"},
    **{"rotation_3d_z": "0: (0), 10: (0.1)", "angle": None, "intermediate_saves": list(range(300))},
}
FOOTAGE = {
    **DISCO_57,
    **{"video_init_path": "D:\\films\\me and you.mp4", "video_init_flow_blend": "0:(0.9), 50:(0.5)"},
    **{"eta": "0:(0.2)", "frames_skip_steps": "0:(.6)", "flow_blend": "0: (0.999)", "blend_ramp": "0:(1)"},
    **{"video_init_steps": 100, "video_init_skip_steps": 50, "video_init_flow_warp": True, "fps": 25},
}
ODD = {
    **DISCO_57,
    **{"ViTB32": 1.0, "ViTB16": 0, "clamp_grad": 1, "perlin_init": "true", "init_image": "None"},
    **{"skip_augs": "no idea", "set_seed": "random_seed", "seed": "3821711738", "steps": "250"},
    **{
        "cut_overview": ".5",
        "cut_innercut": "[.5]*200",
        "cut_ic_pow": "[True]*1000",
        "frames_skip_steps": 0.6,
    },
    **{
        "cut_icgray_p": "__import__('os').system('touch /tmp/x')",
        "clip_guidance_scale": [5000],
        "eta": "auto",
    },
}
BY_HAND = """Disco Diffusion v5.2 settings
// mine
{
    "text_prompts": {
        "0": ["a "great" wall of ice:.5by someone:.3", 'a sea',],
    },
    "steps": 250,  # many
    "width": 1280, "height": 768,
    "init_image": None, "perlin_init": True
    "clip_guidance_scale": 5000, "notes": [this is what I like, 3],
    "cut_overview": [12]*400+[4]*600,
    "cut_innercut": [22-x for x in eval(cut_overview)],
    "skip_steps": 10, /* few */
    "ViTB32": perhaps,
}
"""
LITERALS = {
    "text_prompts": "{0:",
    "image_prompts": "{}",
    "width_height": "[1280,",
    "cut_overview": '"[12]*400+[4]*600"',
}
LITERALS |= {
    "zoom": '"0:',
    "angle": '"0:(0)"',
    "translation_x": '"0:',
    "steps": "250",
    "batch_name": "'TimeToDisco'",
}
CELLS = """#@title Basic settings
batch_name = 'TimeToDisco' #@param{type: 'string'}
steps = 250 #@param [25,50,100,150,250,500,1000]{type: 'raw', allow-input: true}
width_height = [1280, 768]#@param{type: 'raw'}
clip_guidance_scale = 5000 #@param{type: 'number'}
tv_scale =  0#@param{type: 'number'}
animation_mode = '2D' #@param ['None', '2D', '3D', 'Video Input'] {type:'string'}
max_frames = 60#@param {type:"number"}
interp_spline = 'Linear' #Do not change, currently will not look good. param
angle = "0:(0), 20:(2)"#@param {type:"string"}
zoom = "0: (1), 10: (1.05)"#@param {type:"string"}
translation_x = "0: (0), 30: (5), 40(0)"
cut_overview = "[12]*400+[4]*600" #@param {type: 'string'}
text_prompts = {
    0: ["A beautiful painting of a lighthouse, by someone.", "yellow color scheme"],  # first
    30: ["This set of prompts start at frame 30",],
}
image_prompts = {
    # 0:['ImagePromptsWorkButArentVeryGood.png:2',],
}
side_x = (width_height[0]//64)*64;
def split(x):
    return x
"""
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# Disco Diffusion"]},
        {"cell_type": "code", "source": CELLS.splitlines(keepends=True), "outputs": [], "metadata": {}},
    ],
    **{"metadata": {}, "nbformat": 4, "nbformat_minor": 5},
}
TTI = """[Settings]
Prompt3=dark clouds:0.5
Prompt1=a lighthouse in a storm, oil painting
Prompt2=fog:-0.3
steps=150
width=832
height=512
clip_guidance_scale=8000
cut_easing_fn=CubicEaseInOut
cut_overview=[5]*400+dd_easing_int(start=1, end=5, steps=400, easing_fn=cut_easing_fn)+[0]*200
cut_innercut=[1]*400+dd_easing_int(start=5, end=1, steps=400, easing_fn='ElasticEaseIn')+[6]*200
cut_ic_pow=[2]*500+dd_easing_float(start=10, end=1, steps=500, easing_fn=cut_easing_fn)
cut_icgray_p=[0.7]*100+[0.6]*100+[0]*800
ViTB32=True
RN50=False
""".replace("\n", "\r\n")
PROGROCK = """// ProgRockDiffusion
{
    batch_name: "Default",
    "text_prompts": {
        "0": {"0": ["a castle of glass:2", "fog:-1"], "100": ["a castle of stone"]},
<<<<<<< HEAD
        "1": {"0": ["a river"]},
=======
        "1": {"0": ["a road"]},
>>>>>>> other
    },
    "n_batches": 2, "steps": 250, "display_rate": 50, "width": 832, "height": 512,
    "set_seed": "random_seed", "image_prompts": {}, "clip_guidance_scale": "auto",
    "tv_scale": 0, "eta": "auto", "range_scale": "random", "cutn_batches": 4, "cutn_batches_final": 8,
    "skip_steps_ratio": 0.33, "cut_ic_pow": 1.0, "cut_ic_pow_final": 5, "stop_early": 0,
    "symmetry_loss_v": true, "symm_loss_scale": "[2500]*1000", "symm_switch": 45, "gobig_scale": 2,
    "ViTB32": 1.0, "RN50": 0.0, "diffusion_model": "512x512_diffusion_uncond_finetune_008100", // one
}
"""
DISCOART = """text_prompts:
  - A beautiful painting of a singular lighthouse
  - yellow color scheme:0.5
init_image:
width_height: [ 1280, 768 ]
skip_steps: 0
steps: 250
eta: "[0.8]*500+[0]*500"
tv_scale: [0, 0]
use_secondary_model: True
clip_guidance_scale: "[5000]*500+[8000]*500"
cut_schedules_group: pad_or_pulp
cut_ic_pow: 1.
n_batches: 4
clip_models:
  - ViT-B-32::openai
  - RN50::openai
  - ViT-L-14-336::openai
clip_models_schedules: {"RN50::openai": "[True]*400+[False]*600"}
transformation_percent: [0.09]
name_docarray:
"""
DISCOART_OBJECTS = {
    "text_prompts": {
        "version": "1",
        "prompts": [
            {"text": "a sea", "weight": "[1]*500+[2]*500", "spellcheck": "ignore"},
            {"text": "fog at 16:9", "weight": -0.2, "clip_guidance": ["RN50::openai"]},
        ],
    },
    **{"clip_models": ["RN50::openai"], "cut_overview": "[12]*400+[4]*600", "on_misspelled_token": "ignore"},
    **{
        "gif_fps": 20,
        "n_batches": 1,
        "width_height": [512, 512],
        "perlin_init": True,
        "perlin_mode": "color",
    },
}
WALK = ", ".join(f"{n}: ({0.1 * ((n * 7919) % 31) - 1:.4f})" for n in range(1200))
DEFORUM = {
    **{"W": 512, "H": 704, "seed": 42, "sampler": "Euler a", "steps": 25, "batch_name": "x", "fps": 15},
    "prompts": {
        "0": "a (sea:1.2), [fog:rain:0.5] <lora:x:0.6> --neg text, (lowres)",
        "max_f-20": "a storm `t/3`",
    },
    **{"animation_mode": "3D", "max_frames": 120, "border": "wrap", "angle": "0: (0)", "zoom": "0: (1.002)"},
    **{"translation_x": "0: (10*sin(2*3.14*t/20))", "translation_y": "0: (0), 20: (where(t>25, 3, 1))"},
    **{"translation_z": "0:(t%15), 60:(2), 90:(4), 500:(9),", "rotation_3d_x": '"0":(0), "max_f-2":(-1)'},
    **{
        "rotation_3d_y": "0: (0.5*cos(t/30)**0.9)",
        "rotation_3d_z": "0:0: (sin(t))",
        "fov_schedule": "0: (70)",
    },
    **{"strength_schedule": "0: (0.65), 40: (1), 60:(0.3+0.2*sin(t/5))", "noise_schedule": "0: (0.02)"},
    **{"cfg_scale_schedule": "0: (7)", "seed_behavior": "iter", "color_coherence": "Match Frame 0 LAB"},
    **{
        "diffusion_cadence": "2",
        "near_schedule": "0: (200)",
        "far_schedule": "0: (10000)",
        "cn_1_weight": "0:(1)",
    },
    **{
        "use_init": False,
        "init_image": "https://example.org/a.png",
        "strength": 0.8,
        "depth_algorithm": "Zoe",
    },
    **{"soundtrack_path": "C:/music/a.mp3", "add_soundtrack": "File", "sd_model_name": "v1-5.ckpt"},
    **{"optical_flow_cadence": "RAFT", "hybrid_motion": "None", "animation_prompts_negative": "nsfw, nude"},
}
NOTEBOOK_DEFORUM = {
    **{
        "W": 512,
        "H": 512,
        "seed": -1,
        "sampler": "euler_ancestral",
        "steps": 50,
        "scale": 7,
        "ddim_eta": 0.0,
    },
    **{"prompts": {"0": "a forest:2", "40": "a beach"}, "animation_mode": "2D", "max_frames": 80},
    **{"border": "replicate", "angle": "0:(0)", "zoom": "0:(1.04)", "translation_x": "0:(10*sin(t/5))"},
    **{"strength_schedule": "0: (0.65)", "diffusion_cadence": 1, "seed_behavior": "fixed", "use_init": True},
    **{"init_image": "/content/drive/MyDrive/a.png", "strength": 0.55, "color_coherence": "None"},
}
STILLS_DEFORUM = {**NOTEBOOK_DEFORUM, "animation_mode": "None", "prompts": ["a hill", "a lake (blue)", ""]}
STUDIO = {
    "animation_prompts_positive": "",
    "animation_prompts": {"0": "a town"},
    "width": 1024,
    "height": 576,
}
STUDIO |= {name: value for name, value in DEFORUM.items() if name not in ("W", "H", "prompts")}
DENSE = {**DEFORUM, "max_frames": 1200, "translation_x": WALK, "translation_y": WALK, "rotation_3d_y": WALK}
HOSTILE_DEFORUM = {
    **DEFORUM,
    **{"translation_x": "a 0: (1), b 20:(2), 0, 30:(3)", "translation_y": "0:(nan), 10:(3)", "zoom": [1, 2]},
    **{"translation_z": "0: (sin(t)", "rotation_3d_x": "0: ((((", "rotation_3d_y": {"0": 1, "30": "2"}},
    **{"rotation_3d_z": "", "fov_schedule": "0: (500)", "strength_schedule": "0: (7)", "max_frames": "120"},
    **{"prompts": {"0, 10": "a sea\nby night", "x": "never", "20": {"deeper": 1}}, "W": "wide", "fps": None},
}
NESTED = {"args": {"W": 512, "H": 512, "steps": 9}, "anim_args": {"animation_mode": "2D", "max_frames": 30}}
NESTED["anim_args"] |= {
    "zoom": "0: (1.01)",
    "animation_prompts": {"0": "a garden"},
    "strength_schedule": "0:(0.6)",
}
PARSEQ = {
    "meta": {"generated_by": "sd_parseq"},
    "options": {"bpm": 140, "output_fps": 20, "input_fps": 20},
    "managedFields": ["translation_z", "zoom"],
    "rendered_frames": [
        {
            **{
                "frame": n,
                "strength": 0.5 + 0.001 * n,
                "translation_z": 2.0 * n,
                "translation_z_delta": 2 + n % 3,
            },
            **{
                "rotation_3d_y": 0.1,
                "rotation_3d_y_delta": 0.1 * (n > 30),
                "zoom": 1.0,
                "fov": 40,
                "scale": 7,
            },
            **{"deforum_prompt": f"a ({'sea' if n < 30 else 'hill'}:{n / 60:.2f}) --neg fog", "noise_pc": 3},
        }
        for n in range(60)
    ],
}
SUBTITLES = "".join(
    f"{n + 1}\n00:00:0{n // 10},{n % 10}00 --> 00:00:0{(n + 1) // 10},{(n + 1) % 10}00\n"
    f"F#: {n}; Cadence: False; Seed: 9; Angle: 0; TrX: {n * 0.5}; TrY: 0; TrZ: 1.25; RotX: 0; RotY: {n % 3}; "
    f"RotZ: 0; StrSch: 0.65; FOV: 70; SmpSch: Euler a; Prompt: a sea\n\n"
    for n in range(30)
)
WARP = {
    **{"text_prompts": {"0": ["a (dance:1.1), alphonse mucha"]}, "negative_prompts": {"0": ["text, (logo)"]}},
    **{"max_frames": 288, "init_image": "", "seed": 4275770367, "width": 704, "height": 1280},
    **{"video_init_path": "d:/init_images/dance.mp4", "extract_nth_frame": 1, "check_consistency": True},
    **{
        "style_strength_schedule": [0.7, 0.7],
        "flow_blend_schedule": {"0": 0.8, "50": 0.5},
        "steps_schedule": [25],
    },
    **{"cfg_scale_schedule": [15], "image_scale_schedule": {"0": 1.5, "1": 2}, "consistency_blur": 1},
    **{
        "fixed_seed": True,
        "turbo_mode": False,
        "model_path": "d:/models/x.safetensors",
        "sampler": "sample_euler",
    },
    **{
        "controlnet_multimodel": '{"control_sd15": {"weight": 1.0}}',
        "flow_warp": True,
        "rec_prompts": {"0": ["x"]},
    },
}
MAJESTY = """
    #Settings
    [model_list]
    model_list = ['openimages']

    [basic_settings]
    #Perceptor things
    width = 512
    height = 448
    clip_guidance_scale = 5000
    step = 100
    aesthetic_loss_scale = 100
    augment_cuts=True
    starting_timestep = 0.9

    [advanced_settings]
    cut_overview = [12]*400+[4]*900
    cut_innercut = [4]*400+[12]*600
    cut_ic_pow = .2
    cut_icgray_p = [0.2]*100 + [0]*1200
    cutn_batches = 4
    range_index = [1500000]*100 + [0]*1000
    clamp_index = [0.05]*200 + [0.04]*800
    perceptors = ["[clip - mlfoundations - ViT-B-32--openai]", "[clip - mlfoundations - RN50--openai]"]
    padargs = {'mode': 'constant', 'value': -1}
"""
ENTMIKE = """# Disco Diffusion, as YAML
text_prompts:
  0:
    - "a quiet library: a study"
    - "green:-0.1"
width_height: [832, 512]
steps: 200
skip_steps: 8
animation_mode: None
cutn_batches: 2
ViTB32: True
RN50x4: false
n_batches: 3
symmetry_loss: False
"""
PHILPAX = """name = "Default"

[config]
clip_guidance_scale = 5000
tv_scale = 0.0
clamp_max = 0.05
eta = 0.8
steps = 120
cut_overview = "[12]*400+[4]*600"
text_prompts = { "0" = ["a red kite"] }
width_height = [640, 448]
"""
A1111 = (
    "a castle on a (hill:1.3)\nNegative prompt: blurry\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x768"
)


def picture(text: str, keyword: str = "parameters") -> bytes:
    """Return a PNG that carries a text."""
    info, out = PngInfo(), io.BytesIO()
    info.add_text(keyword, text)
    Image.new("RGB", (4, 4)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def files() -> dict[str, str | bytes]:
    """Return what is in each file, by its name."""
    made: dict[str, str | dict | bytes] = {
        **{
            "disco-5.0.txt": DISCO_50,
            "disco-5.7.json": DISCO_57,
            "clip-5.0.txt": CLIP,
            "footage.txt": FOOTAGE,
        },
        **{"odd.txt": ODD, "by-hand.json": BY_HAND, "cells.py": CELLS, "disco.ipynb": NOTEBOOK, "a.TTI": TTI},
        **{"progrock.json": PROGROCK, "discoart.yml": DISCOART, "objects.json": DISCOART_OBJECTS},
        **{"deforum.txt": DEFORUM, "notebook.txt": NOTEBOOK_DEFORUM, "stills.txt": STILLS_DEFORUM},
        **{"studio.txt": STUDIO, "dense.txt": DENSE, "hostile.txt": HOSTILE_DEFORUM, "nested.json": NESTED},
        **{"parseq.json": PARSEQ, "deforum.srt": SUBTITLES, "warp.txt": WARP, "majesty.cfg": MAJESTY},
        **{"entmike.yaml": ENTMIKE, "philpax.toml": PHILPAX, "a1111.txt": A1111},
        **{
            "overlay.json": {"cut_overview": "[12]*1000", "steps": 100},
            "disco.png": picture(json.dumps(DISCO_57)),
        },
        **{"a1111.png": picture(A1111), "in-deforum.txt": {**DEFORUM, "parseq_manifest": json.dumps(PARSEQ)}},
    }
    return {
        name: value if isinstance(value, str | bytes) else json.dumps(value, indent=4)
        for name, value in made.items()
    }


def garbled(data: bytes, seed: int) -> bytes:
    """Return a file with some of it cut out, doubled, or replaced."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        length = chance.choice((1, 1, 3, 20, 400))
        piece = bytes(
            chance.choice(b"{}[]()\"',:#\n 09aT-.*\\/\xff\x00") for _ in range(chance.choice((1, 2, 5)))
        )
        if kind == 0:
            data = data[:at] + data[at + length :]
        elif kind == 1:
            data = data[:at] + piece + data[at:]
        elif kind == 2:
            data = data[:at] + piece + data[at + len(piece) :]
        elif kind == 3:
            data = data[:at] + data[max(0, at - length) : at] + data[at:]
        else:
            data = data[:at] if chance.random() < 0.2 else data
    return data
