"""JSON that a stranger, or a damaged disk, may have written."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text holds.

    Raises:
        ValueError: it is no JSON, is nested too deep, or holds Infinity or NaN, which JSON does not know.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ValueError as error:
        if "int_max_str_digits" in str(error):
            raise ValueError("a number too long") from error
        raise


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
