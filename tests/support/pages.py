"""Reads what a page of docs/ says of a double, for tests that hold it against the double."""

import re
import subprocess
import sys
from collections.abc import Mapping

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from tests.support.doubles import ROOT


def page(name: str) -> str:
    """Give the text of `docs/<name>.md`."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def listed_settings(text: str) -> dict[str, str]:
    """Give the variables of a page's table, each with the value that stands where it is not set ("" for a text)."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`|[^`|]*) \|", text, re.MULTILINE))


def unset_settings(settings: type[BaseSettings]) -> dict[str, str]:
    """Give the variables that settings take, each with its value where it is not set, as a page shows it."""
    fields = settings.model_fields.values()
    return {str(field.validation_alias or field.alias).upper(): _shown(field.default) for field in fields}


def _shown(value: object) -> str:
    if value is None or value is PydanticUndefined or value in ((), frozenset()):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).removeprefix(f"{ROOT}/")


def listed_operations(text: str, under: str = "/") -> list[str]:
    """Give the HTTP operations of a page's tables that are below a path: `POST /v1/customers`."""
    return re.findall(rf"^\| `((?:GET|POST|PUT|PATCH|DELETE) {under}[^`]*)` \|", text, re.MULTILINE)


def run_example(text: str, moved: Mapping[str, str]) -> tuple[str, str]:
    """Run a page's one Python example with its addresses `moved`; give what it writes to its output and its errors."""
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for address, elsewhere in moved.items():
        assert address in example
        example = example.replace(address, elsewhere)
    ran = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=20, check=False)
    return ran.stdout, ran.stderr
