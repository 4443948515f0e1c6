"""Strict blocks of settings, the number types they hold, and what is said of one that cannot be used."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Collection, Hashable
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hearlog.params.bounded_yaml import BoundedLoader
from hearlog.util.errors import InputError


def _number(value: Any) -> Any:
    """PyYAML reads ``1e-05`` as text (YAML 1.1), and DVC writes it so: take it for the number it is."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


Float = Annotated[float, BeforeValidator(_number)]
Positive = Annotated[Float, Field(gt=0)]
NonNegative = Annotated[Float, Field(ge=0)]
Share = Annotated[Float, Field(ge=0, le=1)]
InnerShare = Annotated[Float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Location = Annotated[str, Field(min_length=1)]


class _UniqueKeyLoader(BoundedLoader, yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping: YAML forbids it, DVC stops on it, and PyYAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set[Hashable]()
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # which PyYAML refuses itself
            if key in seen:
                raise InputError(f"line {key_node.start_mark.line + 1}: key {key} stands twice: remove one of the two")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping of settings from a YAML file.

    Raises
    ------
    InputError
        Naming the file, for one that is not YAML, holds a key twice, or no mapping.
    """
    try:
        content = _UniqueKeyLoader(path.read_text(encoding="utf-8")).get_single_data()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as YAML: {error}") from None
    except InputError as error:
        raise InputError(f"{path}, {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no settings. Start from a preset: cp presets/demo.yaml {path}")
    return content


class Block(BaseModel):
    """A mapping in ``params.yaml``: strict types, no unknown keys, no later change."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def describe(fault: Any, model: type[Block]) -> str:
    """Say what is wrong with one setting: the key, what was given and what is allowed.

    Parameters
    ----------
    fault
        One of the errors of a pydantic ``ValidationError``.
    model
        Of the whole file.
    """
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown key{_suggestion(fault['loc'], model)}"
    if fault["type"] == "missing":
        return f"{key}: missing"
    allowed = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if fault["type"] == "value_error":
        return f"{key}: {allowed}" if key else allowed
    return f"{key}: given {_quoted(fault['input'])}; allowed: {allowed}"


def _quoted(value: Any) -> str:
    """Quote a value, of a long one its beginning and end."""
    shortening = reprlib.Repr()
    shortening.maxlevel, shortening.maxstring, shortening.maxlong = 2, 80, 80
    return shortening.repr(value)


def one_of(known: Collection[str], value: str) -> str:
    """Return ``value`` if it is among ``known``, and raise ValueError with these and the one that was meant if not."""
    if value in known:
        return value
    close = difflib.get_close_matches(value, known, n=1)
    suggestion = f"; did you mean {close[0]}?" if close else ""
    raise ValueError(f"given {value!r}; allowed: {', '.join(known)}{suggestion}")


def _suggestion(location: tuple[str | int, ...], model: type[Block]) -> str:
    """Find the key that was meant, by walking the model to the block that holds the unknown one."""
    block: Any = model
    for part in location[:-1]:
        # A field's type, or within a mapping of blocks the type of its values.
        block = block.model_fields[part].annotation if hasattr(block, "model_fields") else get_args(block)[1]
    close = difflib.get_close_matches(str(location[-1]), block.model_fields, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(block.model_fields)}"
