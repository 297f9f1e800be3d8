# SPDX-License-Identifier: Apache-2.0
"""A JSON Schema validator for the part of draft 2020-12 that schemas/ uses. Standard library only.

    faults = schema.faults(document, schema.load("run-answer"))

Each fault is one line: the JSON pointer of the place and what is wrong there. A schema that uses a
keyword this file does not know is refused, so that no rule is silently unchecked.
"""

import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).parents[2] / "schemas"

_ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "examples", "default", "$comment"}
_RULES = {
    "$ref", "type", "enum", "const", "properties", "required", "additionalProperties",
    "patternProperties", "propertyNames", "minProperties", "maxProperties", "items", "prefixItems",
    "minItems", "maxItems", "uniqueItems", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "minLength", "maxLength", "pattern", "format", "allOf", "anyOf", "oneOf",
    "not", "if", "then", "else", "dependentRequired",
}
_FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}


class SchemaError(Exception):
    """The schema itself is wrong or uses something unknown."""


def load(name):
    path = FOLDER / f"{name}.schema.json"
    loaded = json.loads(path.read_text(encoding="utf-8"))
    check_schema(loaded, loaded)
    return loaded


def _subschemas(schema):
    for name in ("additionalProperties", "propertyNames", "items", "not", "if", "then", "else"):
        if name in schema:
            yield schema[name]
    for name in ("allOf", "anyOf", "oneOf", "prefixItems"):
        yield from schema.get(name, [])
    for name in ("properties", "patternProperties", "$defs"):
        yield from schema.get(name, {}).values()


def check_schema(schema, root):
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise SchemaError(f"not a schema: {schema!r}")
    unknown = set(schema) - _ANNOTATIONS - _RULES
    if unknown:
        raise SchemaError(f"unknown keywords: {', '.join(sorted(unknown))}")
    if "$ref" in schema:
        resolve(schema["$ref"], root)
    for inner in _subschemas(schema):
        check_schema(inner, root)


def resolve(reference, root):
    """A `#/…` reference within the schema, or `NAME.schema.json[#/…]` beside it."""
    file, _, pointer = reference.partition("#")
    where = root
    if file:
        where = json.loads((FOLDER / file).read_text(encoding="utf-8"))
        root = where
    for part in [p for p in pointer.split("/") if p]:
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(where, dict) or part not in where:
            raise SchemaError(f"{reference}: no such definition")
        where = where[part]
    return where, root


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _has_type(value, name):
    if name == "integer":
        return _is_number(value) and float(value).is_integer()
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    return _is_number(value) if name == "number" else isinstance(value, kinds[name])


def _equal(left, right):
    """1 and 1.0 are equal in JSON Schema, 1 and true are not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def faults(value, schema, root=None, pointer=""):
    """Every way in which the value breaks the schema; empty when it is valid."""
    root = schema if root is None else root
    if schema is True:
        return []
    if schema is False:
        return [f"{pointer or '/'}: must not be there"]
    found = []

    def fault(text):
        found.append(f"{pointer or '/'}: {text}")

    if "$ref" in schema:
        target, target_root = resolve(schema["$ref"], root)
        found += faults(value, target, target_root, pointer)
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(_has_type(value, name) for name in names):
            fault(f"is {json.dumps(value)[:60]}, not {' or '.join(names)}")
            return found
    if "enum" in schema and not any(_equal(value, one) for one in schema["enum"]):
        fault(f"{json.dumps(value)[:60]} is not one of {json.dumps(schema['enum'])}")
    if "const" in schema and not _equal(value, schema["const"]):
        fault(f"is {json.dumps(value)[:60]}, not {json.dumps(schema['const'])}")
    if isinstance(value, dict):
        found += _object_faults(value, schema, root, pointer)
    elif isinstance(value, list):
        found += _array_faults(value, schema, root, pointer)
    elif isinstance(value, str):
        found += _string_faults(value, schema, pointer)
    elif _is_number(value):
        found += _number_faults(value, schema, pointer)
    return found + _combined_faults(value, schema, root, pointer)


def _object_faults(value, schema, root, pointer):
    found = []
    where = pointer or "/"
    for name in schema.get("required", []):
        if name not in value:
            found.append(f"{where}: {name} is missing")
    for name, others in schema.get("dependentRequired", {}).items():
        found += [f"{where}: {o} is missing beside {name}"
                  for o in others if name in value and o not in value]
    if len(value) < schema.get("minProperties", 0):
        found.append(f"{where}: has too few members")
    if len(value) > schema.get("maxProperties", len(value)):
        found.append(f"{where}: has too many members")
    for name, inner in value.items():
        below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if "propertyNames" in schema:
            found += faults(name, schema["propertyNames"], root, below)
        known = False
        if name in schema.get("properties", {}):
            known = True
            found += faults(inner, schema["properties"][name], root, below)
        for pattern, rule in schema.get("patternProperties", {}).items():
            if re.search(pattern, name):
                known = True
                found += faults(inner, rule, root, below)
        if not known and "additionalProperties" in schema:
            found += faults(inner, schema["additionalProperties"], root, below)
    return found


def _array_faults(value, schema, root, pointer):
    found = []
    if len(value) < schema.get("minItems", 0):
        found.append(f"{pointer or '/'}: has too few elements")
    if len(value) > schema.get("maxItems", len(value)):
        found.append(f"{pointer or '/'}: has too many elements")
    if schema.get("uniqueItems") and len({json.dumps(v, sort_keys=True) for v in value}) < len(value):
        found.append(f"{pointer or '/'}: repeats an element")
    prefix = schema.get("prefixItems", [])
    for index, inner in enumerate(value):
        rule = prefix[index] if index < len(prefix) else schema.get("items", True)
        found += faults(inner, rule, root, f"{pointer}/{index}")
    return found


def _string_faults(value, schema, pointer):
    found = []
    where = pointer or "/"
    if len(value) < schema.get("minLength", 0):
        found.append(f"{where}: is too short")
    if len(value) > schema.get("maxLength", len(value)):
        found.append(f"{where}: is too long")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{where}: {value[:60]!r} does not match {schema['pattern']}")
    if "format" in schema:
        if schema["format"] not in _FORMATS:
            raise SchemaError(f"unknown format {schema['format']}")
        if not _FORMATS[schema["format"]].fullmatch(value):
            found.append(f"{where}: {value[:60]!r} is not a {schema['format']}")
    return found


def _number_faults(value, schema, pointer):
    broken = []
    if "minimum" in schema and value < schema["minimum"]:
        broken.append(f"is below {schema['minimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        broken.append(f"is above {schema['maximum']}")
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        broken.append(f"is not above {schema['exclusiveMinimum']}")
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        broken.append(f"is not below {schema['exclusiveMaximum']}")
    return [f"{pointer or '/'}: {value} {text}" for text in broken]


def _combined_faults(value, schema, root, pointer):
    found = []
    where = pointer or "/"
    for inner in schema.get("allOf", []):
        found += faults(value, inner, root, pointer)
    if "anyOf" in schema:
        tries = [faults(value, inner, root, pointer) for inner in schema["anyOf"]]
        if all(tries):
            found.append(f"{where}: fits none of the allowed forms ({min(tries, key=len)[0]})")
    if "oneOf" in schema:
        tries = [faults(value, inner, root, pointer) for inner in schema["oneOf"]]
        fitting = sum(1 for one in tries if not one)
        if fitting != 1:
            detail = f": {min(tries, key=len)[0]}" if fitting == 0 else ""
            found.append(f"{where}: fits {fitting} of the forms instead of one{detail}")
    if "not" in schema and not faults(value, schema["not"], root, pointer):
        found.append(f"{where}: has a form that is not allowed")
    if "if" in schema:
        branch = "else" if faults(value, schema["if"], root, pointer) else "then"
        if branch in schema:
            found += faults(value, schema[branch], root, pointer)
    return found
