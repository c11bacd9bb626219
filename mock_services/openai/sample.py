"""Makes a value that fits a JSON schema, as a model does for structured output and for a function's arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

DEEPEST = 12  # levels of a value; deeper ones are cut off, so that a schema that contains itself comes to an end
MOST_ITEMS = 100
MOST_VALUES = 2_000  # in one sample: a schema can ask for arrays of arrays of arrays
LARGEST = 1e12
WORDS = ("service", "family", "chapel", "garden", "memorial", "Thursday", "flowers", "visit")
FORMATS = {
    "date": "2026-03-12",
    "date-time": "2026-03-12T14:00:00Z",
    "time": "14:00:00Z",
    "email": "family@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
    "duration": "PT1H",
}


def sample(schema: Any, random: Random, known: Mapping[str, Any]) -> Any:
    """Give a value that fits `schema`; what `known` says of a property is used where its type is the property's.

    Covers what OpenAI's structured output takes: types, enum, const, properties, items, anyOf, $ref and the bounds of
    numbers, strings and arrays (not `pattern`). A schema that is none gives null.
    """
    return _Sampler(schema, random, known).value(schema, 0)


class _Sampler:
    def __init__(self, root: Any, random: Random, known: Mapping[str, Any]) -> None:
        self._root = root
        self._random = random
        self._known = known
        self._budget = MOST_VALUES

    def value(self, schema: Any, depth: int) -> Any:
        schema = self._resolve(schema)
        self._budget -= 1
        if schema is None or depth > DEEPEST or self._budget < 0:
            return None
        choices = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(choices, list) and choices:
            return self._random.choice(choices)
        makers: dict[str, Callable[[], Any]] = {
            "object": lambda: self._object(schema, depth),
            "array": lambda: self._array(schema, depth),
            "string": lambda: self._string(schema),
            "integer": lambda: self._number(schema, whole=True),
            "number": lambda: self._number(schema, whole=False),
            "boolean": lambda: self._random.random() < 0.5,
        }
        return makers.get(_kind(schema), lambda: None)()

    def _resolve(self, schema: Any) -> dict[str, Any] | None:
        """Follow references, and take the first alternative that is not null."""
        for _ in range(DEEPEST):
            if not isinstance(schema, dict):
                return None
            alternatives = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
            if isinstance(schema.get("$ref"), str):
                schema = self._target(schema["$ref"])
            elif isinstance(alternatives, list):
                schema = next((each for each in alternatives if each != {"type": "null"}), None)
            else:
                return schema
        return None

    def _target(self, reference: str) -> Any:
        if reference == "#":
            return self._root
        target = self._root
        for key in reference.removeprefix("#/").split("/"):
            target = target.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        return target

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        required = schema.get("required", properties)
        names = [
            name for name in properties if depth < DEEPEST // 2 or (isinstance(required, list) and name in required)
        ]
        return {name: self._property(name, properties[name], depth) for name in names}

    def _property(self, name: str, schema: Any, depth: int) -> Any:
        resolved = self._resolve(schema)
        if name in self._known and resolved is not None and _fits(self._known[name], resolved):
            return self._known[name]
        return self.value(schema, depth + 1)

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        fewest = _bound(schema, "minItems", 0)
        most = _bound(schema, "maxItems", MOST_ITEMS)
        if depth >= DEEPEST // 2:
            most = fewest
        count = int(min(max(fewest, min(2, most)), MOST_ITEMS))
        return [self.value(schema.get("items"), depth + 1) for _ in range(count)]

    def _string(self, schema: dict[str, Any]) -> str:
        shaped = FORMATS.get(str(schema.get("format")))
        if shaped is not None:
            return shaped
        text = " ".join(self._random.choice(WORDS) for _ in range(3))
        shortest = int(min(_bound(schema, "minLength", 0), 10_000))
        text = text.ljust(shortest, ".")
        return text[: int(_bound(schema, "maxLength", len(text)))]

    def _number(self, schema: dict[str, Any], *, whole: bool) -> float:
        step = 1.0 if whole else 0.01
        low = max(_bound(schema, "minimum", -math.inf), _bound(schema, "exclusiveMinimum", -math.inf) + step)
        high = min(_bound(schema, "maximum", math.inf), _bound(schema, "exclusiveMaximum", math.inf) - step)
        if low == -math.inf:
            low = 0.0 if high >= 0 else high - 10
        high = min(high, low + 10)
        multiple = _bound(schema, "multipleOf", 0)
        if multiple > 0:
            value = math.ceil(low / multiple) * multiple
            return int(value) if whole else value
        if whole:
            return self._random.randint(math.ceil(low), max(math.ceil(low), math.floor(high)))
        return round(self._random.uniform(low, max(low, high)), 6)


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _bound(schema: dict[str, Any], key: str, otherwise: float) -> float:
    value = schema.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:  # nor NaN
        return otherwise
    return value


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    choices = schema.get("enum")
    if isinstance(choices, list) and value not in choices:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    types: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (bool,),
        "object": (dict,),
        "array": (list,),
    }
    kind = _kind(schema)
    return isinstance(value, types.get(kind, ())) and (kind == "boolean" or not isinstance(value, bool))
