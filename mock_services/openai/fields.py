"""Reads the values of a request one by one, and refuses what cannot be in OpenAI's wording and by its full path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mock_services.openai.errors import InvalidParameter


class Fields:
    """One object of a request; `path` is where it stands (`messages[0]`). An explicit null counts as absent."""

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, dict):
            raise wrong_type(path or "body", "an object", value)
        self.values: dict[str, Any] = value
        self.path = path

    def name(self, key: str) -> str:
        """Give the full path of a field."""
        return f"{self.path}.{key}" if self.path else key

    def get(self, key: str, *, required: bool = False) -> Any:
        """Give a value as it is; None where there is none."""
        value = self.values.get(key)
        if value is None and required:
            param = self.name(key)
            raise InvalidParameter(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
        return value

    def text(self, key: str, *, required: bool = False, choices: Sequence[str] = ()) -> str | None:
        """Give a string, one of `choices` where there are any."""
        value = self.get(key, required=required)
        if value is None:
            return None
        if not isinstance(value, str):
            raise wrong_type(self.name(key), "a string", value)
        if choices and value not in choices:
            raise wrong_choice(self.name(key), value, choices)
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Give a boolean."""
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise wrong_type(self.name(key), "a boolean", value)
        return value

    def integer(self, key: str, low: int, high: int | None = None) -> int | None:
        """Give a whole number within its bounds."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(self.name(key), "an integer", value)
        self._check_bounds(key, "integer", value, low, high)
        return value

    def number(self, key: str, low: float, high: float) -> float | None:
        """Give a number within its bounds."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(self.name(key), "a decimal", value)
        self._check_bounds(key, "decimal", value, low, high)
        return float(value)

    def items(self, key: str, *, at_least: int = 0, at_most: int | None = None) -> Iterator[tuple[str, Any]]:
        """Give each value of an array with its path; nothing where there is no array."""
        value = self.get(key, required=at_least > 0)
        name = self.name(key)
        if value is None:
            return iter(())
        if not isinstance(value, list):
            raise wrong_type(name, "an array of objects", value)
        if len(value) < at_least:
            raise InvalidParameter(
                f"Invalid '{name}': empty array. Expected an array with minimum length {at_least}, but got an empty "
                "array instead.",
                name,
                "empty_array",
            )
        if at_most is not None and len(value) > at_most:
            raise InvalidParameter(
                f"Invalid '{name}': array too long. Expected an array with maximum length {at_most}, but got an array "
                f"with length {len(value)} instead.",
                name,
                "array_above_max_length",
            )
        return ((f"{name}[{index}]", item) for index, item in enumerate(value))

    def object(self, key: str, *, required: bool = False) -> Fields | None:
        """Give an object within this one."""
        value = self.get(key, required=required)
        return None if value is None else Fields(value, self.name(key))

    def _check_bounds(self, key: str, kind: str, value: float, low: float, high: float | None) -> None:
        name = self.name(key)
        for beyond, word, sign, bound in (
            (value < low, "below minimum", ">=", low),
            (high is not None and value > high, "above maximum", "<=", high),
        ):
            if beyond:
                code = f"{kind}_{'below_min' if sign == '>=' else 'above_max'}_value"
                expected = f"Expected a value {sign} {bound}, but got {str(value)[:40]} instead."
                raise InvalidParameter(f"Invalid '{name}': {kind} {word} value. {expected}", name, code)
        if value != value:  # noqa: PLR0124 - NaN, which Python's JSON reader lets through
            raise wrong_type(name, f"a {kind}", value)


def wrong_type(param: str, expected: str, value: Any) -> InvalidParameter:
    """Give the refusal of a value of another type."""
    return InvalidParameter(
        f"Invalid type for '{param}': expected {expected}, but got {_kind(value)} instead.", param, "invalid_type"
    )


def wrong_choice(param: str, value: str, choices: Sequence[str]) -> InvalidParameter:
    """Give the refusal of a value that is none of those possible."""
    quoted = [f"'{choice}'" for choice in choices]
    supported = f"{', '.join(quoted[:-1])}, and {quoted[-1]}" if len(quoted) > 1 else quoted[0]
    shown = value if len(value) <= 100 else value[:100] + "…"
    return InvalidParameter(f"Invalid value: '{shown}'. Supported values are: {supported}.", param, "invalid_value")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a string", int: "an integer", float: "a decimal", list: "an array", dict: "an object"}
    return names[type(value)]
