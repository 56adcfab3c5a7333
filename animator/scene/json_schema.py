"""JSON Schema with what a scene adds to it: finite numbers, and ranges of settings that may be keyframes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as Error
from jsonschema.validators import extend

__all__ = ["Error", "validator_of"]


def _is_number(_checker: object, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_integer(_checker: object, value: object) -> bool:
    return isinstance(value, int | float) and _is_number(_checker, value) and value == int(value)


def _one_of_texts(_validator: object, texts: list[str], value: object, _schema: object) -> Iterator[Error]:
    if not isinstance(value, str) or value not in texts:
        yield Error(f"{value!r} is not one of {texts}")


def _same(_validator: object, wanted: object, value: object, _schema: object) -> Iterator[Error]:
    if type(value) is not type(wanted) or value != wanted:
        yield Error(f"{value!r} is not {wanted!r}")


def _in_range(_validator: object, rules: dict[str, Any], value: object, _schema: object) -> Iterator[Error]:
    if isinstance(value, int | float):
        low, high = rules["ge"], rules["le"]
        if (low is not None and value < low) or (high is not None and value > high):
            yield Error(f"{value} is not within {low} and {high}")


_Validator = extend(
    Draft202012Validator,
    {"animated": _in_range, "enum": _one_of_texts, "const": _same},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"number": _is_number, "integer": _is_integer}
    ),
)


def validator_of(schema: dict[str, Any]) -> Any:
    """Return what holds values to a schema: a validator of the package ``jsonschema``."""
    return _Validator(schema)
