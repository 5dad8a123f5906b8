"""Whether a schema only grew: what old readers rely on is still there, and what was written before still fits."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_SAYS_NOTHING = {"title", "description", "default", "examples", "$id", "$schema", "$defs", "deprecated"}


def breaches(old: Schema, new: Schema) -> list[str]:
    """Why `new` may not replace `old` under the same version; empty when it only grew.

    Events of both schemas are in the log at the same time and both readers run at the same time. So a field may
    neither go nor change its type, what was required stays required and nothing else becomes so, and unknown fields
    stay welcome.
    """
    return list(_compare(old, new, old, new, ""))


def _compare(old: Any, new: Any, old_root: Schema, new_root: Schema, at: str) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    where = at or "/"
    if "anyOf" in old or "anyOf" in new:
        olds, news = old.get("anyOf", [old]), new.get("anyOf", [new])
        if len(olds) != len(news):
            yield f"{where}: other alternatives than before"
            return
        for a, b in zip(olds, news, strict=True):
            yield from _compare(a, b, old_root, new_root, at)
    elif old.get("type") == "object" and new.get("type") == "object":
        yield from _compare_objects(old, new, old_root, new_root, at)
    elif old.get("type") == "array" and new.get("type") == "array":
        yield from _compare_rest(old, new, where, {"items"})
        yield from _compare(old.get("items", {}), new.get("items", {}), old_root, new_root, f"{at}/items")
    else:
        yield from _compare_rest(old, new, where, set())


def _compare_objects(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    required, requires = set(old.get("required", [])), set(new.get("required", []))
    for name in before:
        if name not in after:
            yield f"{at}/{name}: is gone"
            continue
        yield from _compare(before[name], after[name], old_root, new_root, f"{at}/{name}")
        if (name in required) != (name in requires):
            yield f"{at}/{name}: was {'required' if name in required else 'optional'}"
    for name in sorted(requires - set(before)):
        yield f"{at}/{name}: is new and required, older events lack it"
    if new.get("additionalProperties", True) is False:
        yield f"{at or '/'}: refuses unknown fields"
    yield from _compare_rest(old, new, at or "/", {"properties", "required", "additionalProperties"})


def _compare_rest(old: Schema, new: Schema, where: str, compared: set[str]) -> Iterator[str]:
    for keyword in sorted((set(old) | set(new)) - _SAYS_NOTHING - compared):
        if old.get(keyword) != new.get(keyword):
            yield f"{where}: {keyword} was {old.get(keyword)!r}, is {new.get(keyword)!r}"


def _resolved(schema: Any, root: Schema) -> Schema:
    """Follows `$ref` into `$defs`; what stands beside the reference stays."""
    while isinstance(schema, dict) and "$ref" in schema:
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        schema = {**root["$defs"][name], **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema if isinstance(schema, dict) else {}
