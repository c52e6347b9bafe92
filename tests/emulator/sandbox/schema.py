"""Holds an answer against its schema: as much of JSON Schema as ours use."""

from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def differences(
    value: Any,  # noqa: ANN401 - whatever the JSON is
    schema: Mapping[str, Any],
    known: Mapping[str, Any],
    where: str = "$",
) -> Iterator[str]:
    """Name each place at which a value is not as its schema says."""
    if "$ref" in schema:
        schema = known[schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        tried = [list(differences(value, s, known, where)) for s in schema["anyOf"]]
        if all(tried):
            yield from min(tried, key=len)
        return
    if not _has_type(value, schema.get("type", list(_TYPES))):
        yield f"{where}: {value!r} is no {schema['type']}"
        return
    if value not in schema.get("enum", [value]):
        yield f"{where}: {value!r} is none of {schema['enum']}"
    match value:
        case dict():
            yield from _in_object(value, schema, known, where)
        case list():
            yield from _in_list(value, schema.get("items", {}), known, where)


def _has_type(value: object, types: str | list[str]) -> bool:
    names = [types] if isinstance(types, str) else types
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _in_list(
    value: list[Any], items: Mapping[str, Any], known: Mapping[str, Any], where: str
) -> Iterator[str]:
    for index, each in enumerate(value):
        yield from differences(each, items, known, f"{where}[{index}]")


def _in_object(
    value: Mapping[str, Any],
    schema: Mapping[str, Any],
    known: Mapping[str, Any],
    where: str,
) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}.{name} is missing"
    rest = schema.get("additionalProperties", {})
    for name, each in value.items():
        if name not in properties and rest is False:
            yield f"{where}.{name} is not documented"
        more = rest if isinstance(rest, dict) else {}
        yield from differences(
            each, properties.get(name, more), known, f"{where}.{name}"
        )
