"""Schemas and events made to be slow: what compiling and checking them takes at most.

    adversaries.py DRIVER [SECONDS]

DRIVER is the executable jodrell-schema-driver. Ends with 1 if a compilation took more than a second,
or the 99th percentile of a check more than 50 us for an event of up to 8 KiB, 1 ms up to 64 KiB.
"""

import json
import os
import subprocess
import sys
import tempfile

SMALL = 8 << 10
LARGE = 64 << 10


def text(size, unit="a"):
    return unit * (size // len(unit.encode()))


def union(count, branch):
    return {"anyOf": [branch(n) for n in range(count)]}


def fill(size, make):
    """As many items of make(n) as fit."""
    items = []
    used = 2
    n = 0
    while True:
        item = make(n)
        used += len(dump(item).encode()) + 1
        if used > size:
            return items
        items.append(item)
        n += 1


def nested(depth, inner):
    for _ in range(depth):
        inner = [inner]
    return inner


def cases(size):
    yield "nested quantifiers", {"pattern": "^(a+)+$"}, text(size - 8) + "!"
    yield "unanchored run", {"pattern": "a+b"}, text(size - 8)
    yield "two runs", {"pattern": "^.*.*.*b$"}, text(size - 8)
    yield "alternation", {"pattern": "^(a|aa|aaa)*c$"}, text(size - 8)
    yield "back reference", {"pattern": "^(.*)\\1\\1x$"}, text(size - 8)
    yield "lookbehind", {"pattern": "(?<=a{1,20})b"}, text(size - 8)
    yield "class of properties", {"pattern": "^[\\p{L}\\p{N} '-]*$"}, text(size - 8, "\u00e9")
    yield "pattern per item", {"items": {"pattern": "^(a+)+$"}}, fill(size, lambda n: text(30) + "!")
    yield "patterns per item", {"items": union(50, lambda n: {"pattern": f"^(a|b)*c{n}"})}, \
        fill(size, lambda n: text(20))
    yield "patterns per name", {"patternProperties": {f"(a|b)*c{n}": {} for n in range(100)}}, \
        {f"{text(10)}{n}": 1 for n in range(size // 20)}
    yield "many branches on a long text", union(1000, lambda n: {"maxLength": n}), \
        text(size - 8, "\u00e9")
    yield "many formats on a long text", \
        union(1000, lambda n: {"format": "uri-reference", "maxLength": n}), text(size - 8)
    yield "format mail", {"$schema": "http://json-schema.org/draft-07/schema#",
                          **union(1000, lambda n: {"format": "email", "title": str(n)})}, \
        text(60) + "@" + ".".join([text(50)] * 4) + "-"
    yield "format hostname", {"$schema": "http://json-schema.org/draft-07/schema#",
                              "items": {"format": "hostname"}}, \
        fill(size, lambda n: ".".join(["xn--4dbc8h"] * 20) + ".xn--x")
    yield "format idn-hostname", {"$schema": "http://json-schema.org/draft-07/schema#",
                                  "items": {"format": "idn-hostname"}}, \
        fill(size, lambda n: ".".join([text(40, "\u00e9")] * 8))
    yield "format regex", {"$schema": "http://json-schema.org/draft-07/schema#",
                           "format": "regex"}, text(size - 8, "(a|b)")
    yield "contents", {"$schema": "http://json-schema.org/draft-07/schema#",
                       **union(100, lambda n: {"contentMediaType": "application/json",
                                               "minLength": n, "maxLength": 5})}, \
        "[" + text(size - 16, "1,") + "1]"
    yield "escaped text", union(1000, lambda n: {"maxLength": 1, "minLength": n % 2}), \
        text(size // 2 - 8, "\n")
    yield "escaped names", {"anyOf": [{"required": [f"x{n}"]} for n in range(1000)]}, \
        {text(100, "\n") + str(n): 1 for n in range(size // 220)}
    yield "long names", {"allOf": [{"properties": {text(1000): {"minimum": n}}}
                                   for n in range(500)]}, {text(1000): 1000}
    yield "one long name, many references", \
        {"$defs": {"x": {"properties": {text(size - 100): {"minimum": 0}}}},
         "allOf": [{"$ref": "#/$defs/x", "title": str(n)} for n in range(5000)]}, \
        {text(size - 100): 1}
    yield "members against branches", union(2000, lambda n: {"required": [f"m{n}"]}), \
        {f"k{n}": 1 for n in range(size // 10)}
    yield "dependencies", {"dependentRequired": {f"k{n}": ["k0"] for n in range(2000)}}, \
        {f"k{n}": 1 for n in range(size // 10)}
    yield "enumerated numbers", {"items": {"enum": [n + 0.5 for n in range(2000)]}}, \
        fill(size, lambda n: 1.25)
    yield "enumerated objects", {"items": {"enum": [{"a": n} for n in range(2000)]}}, \
        fill(size, lambda n: {"a": -1})
    yield "enumerated long texts", {"enum": [text(size - 20) + str(n) + "x" for n in range(10, 25)]
                                    + [1]}, text(size - 20) + "99x"
    yield "long fractions", {"items": {"type": "integer"}}, fill(size, lambda n: Raw(
        "1." + "0" * 990))
    yield "long fractions, many branches", union(1000, lambda n: {"type": "integer", "minimum": n}), \
        Raw("1." + "0" * 990 + "1")
    yield "long divisor", {"items": {"multipleOf": Raw("1" * 900 + "e-50")}}, \
        fill(size, lambda n: Raw("7" * 950))
    yield "middle divisor", {"items": {"multipleOf": Raw("1" * 30)}}, \
        fill(size, lambda n: Raw("7" * 60 + "e3000"))
    yield "long bounds", {"items": {"minimum": Raw("1" * 900), "maximum": Raw("9" * 990)}}, \
        fill(size, lambda n: Raw("5" * 950))
    yield "unique numbers", {"uniqueItems": True}, fill(size, lambda n: n)
    yield "unique fractions", {"uniqueItems": True}, fill(size, lambda n: n + 0.5)
    yield "unique objects", {"uniqueItems": True}, fill(size, lambda n: {"a": n, "b": [n]})
    yield "unique long texts", {"uniqueItems": True}, fill(size, lambda n: text(900) + str(n))
    yield "unique in branches", union(500, lambda n: {"uniqueItems": True, "maxItems": 1 + n % 2}), \
        fill(size, lambda n: n)
    yield "unique pairs of large objects", {"items": {"uniqueItems": True}}, \
        [[{f"k{n}": 0 for n in range(size // 20)}, {f"k{n}": 0 for n in
                                                    reversed(range(size // 20))}]]
    yield "recursive union", {"anyOf": [{"items": {"$ref": "#"}, "minItems": 9},
                                        {"items": {"$ref": "#"}, "minItems": 8}]}, nested(60, 1)
    yield "recursive one of", {"oneOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}},
                                         {"type": "null"}]}, nested(60, 1)
    yield "unevaluated below unevaluated", unevaluated(20), {f"k{n}": 1 for n in range(size // 10)}
    yield "unevaluated of many branches", \
        {"anyOf": [{"properties": {f"k{n}": True}} for n in range(1000)],
         "unevaluatedProperties": False}, {f"k{n}": 1 for n in range(min(1000, size // 10))}
    yield "unevaluated items", {"anyOf": [{"contains": {"const": n}} for n in range(500)],
                                "unevaluatedItems": False}, fill(size, lambda n: n % 500)
    yield "contains of branches", {"contains": union(500, lambda n: {"const": n + 0.5})}, \
        fill(size, lambda n: 1)
    yield "closed nested objects", {"$ref": "#/$defs/t", "$defs": {"t": {
        "type": "object", "properties": {"a": {"$ref": "#/$defs/t"}, "b": {"type": "integer"}},
        "additionalProperties": False}}}, chain(min(60, size // 12))
    yield "refused with many names", \
        {"properties": {f"{text(55)}{n:08}": True for n in range(2000)},
         "additionalProperties": False}, {f"{text(55)}{n:07}x": 1 for n in range(size // 70)}


def unevaluated(depth):
    schema = {"properties": {"k0": True}}
    for n in range(depth):
        schema = {"anyOf": [schema, {"properties": {f"k{n}": True}}],
                  "unevaluatedProperties": {"type": "integer"}}
    return schema


def chain(depth):
    value = {"b": 1}
    for _ in range(depth):
        value = {"a": value}
    return value


class Raw(float):
    """A number spelt in its own way."""

    def __new__(cls, spelling):
        self = super().__new__(cls, 0.0)
        self.spelling = spelling
        return self

    def __repr__(self):
        return self.spelling


def dump(value):
    """JSON text with raw spellings kept."""
    if isinstance(value, Raw):
        return value.spelling
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + dump(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def compilations():
    many = 19_000
    yield "pointers into a long list", {"x": [True] * 9000, "allOf": [
        {"$ref": f"#/x/{8999 - n}"} for n in range(9000)]}
    yield "pointers into many definitions", {
        "$defs": {f"d{n}": {"type": "null"} for n in range(9000)},
        "properties": {f"p{n}": {"$ref": f"#/$defs/d{n}"} for n in range(9000)}}
    yield "pointers into unknown keywords", {
        "x-defs": {f"d{n}": {"type": "null"} for n in range(9000)},
        "properties": {f"p{n}": {"$ref": f"#/x-defs/d{n}"} for n in range(9000)}}
    yield "many properties", {"properties": {f"p{n}": {"type": "null"} for n in range(many)}}
    yield "many names", {"required": [f"p{n}" for n in range(90_000)]}
    yield "many words", {"enum": [f"w{n}" for n in range(90_000)]}
    yield "many alike names", {"required": ["12345678" + f"{n:06}" + "12345678"
                                            for n in range(30_000)]}
    yield "many patterns", {"patternProperties": {f"^(a|b{n})*x{{1,20}}[^c]+$": True
                                                  for n in range(1000)}}
    yield "large repeats", {"patternProperties": {f"(a{{900}}b){{30}}{n}": True
                                                  for n in range(1000)}}
    yield "large classes", {"patternProperties": {f"[\\p{{L}}\\u00e0-\\u0fff]{{1,200}}{n}": True
                                                  for n in range(1000)}}
    yield "wide union", {"oneOf": [{"type": "object", "required": [f"r{n}" for n in range(100)],
                                    "properties": {f"r{m}": {"const": "x" if m < 99 else str(n)}
                                                   for m in range(99, 100)}}
                                   for n in range(900)]}
    yield "dynamic scopes", {"$defs": {f"d{n}": {
        "$id": f"http://x.example/{n}", "$dynamicAnchor": f"a{n % 60}",
        "properties": {"p": {"$ref": f"http://x.example/{(n * 7 + 1) % 400}"},
                       "q": {"$ref": f"http://x.example/{(n * 11 + 3) % 400}"},
                       "r": {"$dynamicRef": f"#a{n % 60}"}}} for n in range(400)},
        "$ref": "http://x.example/0"}
    yield "many identifiers", {"$defs": {f"d{n}": {"$id": f"d{n}", "$anchor": f"a{n}"}
                                         for n in range(9000)}}
    yield "deep in place", {"$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 100}
                                      for n in range(60)} | {"d60": True}, "$ref": "#/$defs/d0"}
    yield "many unions of references", {
        "$defs": {f"d{n}": {"type": "object", "required": ["k"],
                            "properties": {"k": {"const": f"v{n}"}}} for n in range(300)},
        "properties": {f"p{m}": {"oneOf": [{"$ref": f"#/$defs/d{n}"} for n in range(60)]}
                       for m in range(250)}}


def measure(driver, schema, event, seconds):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "schema.json")
        with open(path, "w") as file:
            file.write(dump(schema))
        os.mkdir(os.path.join(folder, "events"))
        with open(os.path.join(folder, "events", "0.json"), "w") as file:
            file.write(dump(event))
        out = subprocess.run([driver, "measure", str(seconds), path,
                              os.path.join(folder, "events")], capture_output=True, text=True)
        if out.returncode != 0:
            return {"crash": out.returncode}
        return json.loads(out.stdout)


def main():
    driver = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.1
    failed = 0
    for size, bar in ((SMALL, 50_000), (LARGE, 1_000_000)):
        for name, schema, event in cases(size):
            result = measure(driver, schema, event, seconds)
            p99 = result.get("single_p99_ns", 0)
            bad = "crash" in result or p99 > bar or result.get("compile_ms", 0) > 1000
            failed += bad
            print(f"{'SLOW ' if bad else ''}{size >> 10:3} KiB {name}: p50 "
                  f"{result.get('single_p50_ns', 0) / 1000:.1f}, p99 {p99 / 1000:.1f} us, with explanation "
                  f"{result.get('median_ns', 0) / 1000:.1f} us, "
                  f"refused {result.get('refused')}, fuel {result.get('fuel')}, compile "
                  f"{result.get('compile_ms', 0):.1f} ms {result.get('fault', '')}"
                  f"{result.get('crash', '')}", flush=True)
    for name, schema in compilations():
        result = measure(driver, schema, None, 0.01)
        bad = "crash" in result or result.get("compile_ms", 0) > 1000
        failed += bad
        print(f"{'SLOW ' if bad else ''}compile {name} ({len(dump(schema)) >> 10} KiB): "
              f"{result.get('compile_ms', 0):.1f} ms {result.get('fault', '')}"
              f"{result.get('crash', '')}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
