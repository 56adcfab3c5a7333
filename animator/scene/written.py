"""Values of a scene as YAML text."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML


def yaml_text(value: Any, flow: bool = True) -> str:
    """Return a value as YAML, without a line break at its end.

    Args:
        value: plain data.
        flow: whether it is written in one line, as it stands behind a name.

    >>> yaml_text([0.05, "a: b"]), yaml_text("[1]*500"), yaml_text("a sea")
    ("[0.05, 'a: b']", "'[1]*500'", 'a sea')
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 2**31
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().strip().removesuffix("\n...")
