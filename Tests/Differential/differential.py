"""Random schemas x mutated instances: our verdicts against those of jsonschema-rs.

    differential.py DRIVER [--pairs N] [--seed N]

DRIVER is the executable jodrell-schema-driver. Prints its seed, and each difference with the seed of
its schema; ends with 1 if there was one.
"""

import argparse
import importlib.metadata
import json
import random
import subprocess
import sys
import time

import jsonschema_rs

NAMES = ["a", "b", "c", "ab", "abc", "x-1", "", "é", "a/b", "a~b", "longer-than-eight-bytes",
         "longer-than-eight-bites"]
TEXTS = ["", "a", "b", "ab", "abc", "aaaa", "é", "😀", "a\u0301", "A", "1", "-", "a b", "\n",
         "2026-03-14", "2026-02-30", "2026-03-14T09:30:00Z", "09:30:00Z", "1.2.3.4", "1.2.3",
         "::1", "a@b.example", "http://a.example/x?y#z", "P1D", "/a/b", "/~2"]
NUMBERS = [0, 1, -1, 2, 3, 5, 10, 100, 0.5, 1.5, -0.5, 2.0, 1e2, 1e-2, 12345678901234567890,
           -9223372036854775808, 9007199254740993, 1e20]
PATTERNS = ["^a", "b$", "^a+$", "a|b", "^[a-c]*$", "^.$", "^\\S+$", "\\d", "^(a|ab)(c|bcd)*$",
            "^\\w{1,3}$", "é", "^[^a]*$", "a{2,}", "^x-", "\\u0061b", "^$"]
FORMATS = ["date", "date-time", "time", "ipv4", "ipv6", "email", "uri", "uri-reference", "hostname",
           "json-pointer", "relative-json-pointer", "uri-template", "iri", "idn-email"]
# 2020-12 has these, and draft-07 does not: there jsonschema-rs ignores them.
LATER_FORMATS = ["duration", "uuid"]
KINDS = ["null", "boolean", "integer", "number", "string", "array", "object"]


class Generator:
    """Schemas of one draft, and instances that come near them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.draft = self.random.choice([7, 2020, 2020])
        self.formats = self.random.random() < 0.2
        self.constants = []
        self.names = self.random.sample(NAMES, 5)
        self.definitions = [f"d{n}" for n in range(self.random.randint(0, 3))]

    def chance(self, part):
        return self.random.random() < part

    def value(self, depth=2):
        kind = self.random.randrange(7 if depth > 0 else 4)
        if kind == 0:
            return self.random.choice([None, True, False])
        if kind <= 1:
            return self.random.choice(NUMBERS)
        if kind <= 3:
            return self.random.choice(TEXTS)
        if kind == 4:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        return {name: self.value(depth - 1)
                for name in self.random.sample(self.names, self.random.randrange(4))}

    def constant(self):
        value = self.value(1)
        self.constants.append(value)
        return value

    def map(self, depth, keys=None):
        keys = keys or self.names
        return {key: self.schema(depth)
                for key in self.random.sample(keys, self.random.randint(1, 2))}

    def list(self, depth):
        return [self.schema(depth) for _ in range(self.random.randint(1, 3))]

    def some_names(self):
        return self.random.sample(self.names, self.random.randrange(3))

    def schema(self, depth):
        if self.chance(0.06):
            return self.chance(0.6)
        schema = {}
        for _ in range(self.random.randint(1, 4 if depth > 0 else 2)):
            self.keyword(schema, depth - 1)
        return schema

    def keyword(self, schema, depth):
        pick = self.random.choice
        flat = ["type", "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum",
                "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems",
                "maxItems", "uniqueItems", "required", "minProperties", "maxProperties"]
        if self.formats:
            flat.append("format")
        deep = ["properties", "properties", "patternProperties", "additionalProperties",
                "propertyNames", "items", "contains", "allOf", "anyOf", "oneOf", "not", "if",
                "dependencies"]
        if self.definitions:
            deep += ["$ref", "$ref"]
        if self.draft == 2020:
            flat += ["dependentRequired"]
            deep += ["prefixItems", "dependentSchemas", "unevaluatedProperties",
                     "unevaluatedItems", "unevaluatedProperties"]
            if self.definitions:
                deep += ["$dynamicRef"]
        word = pick(flat + deep if depth >= 0 else flat)
        if word == "type":
            schema[word] = pick([pick(KINDS), self.random.sample(KINDS, 2)])
        elif word == "enum":
            values = [self.constant() for _ in range(self.random.randint(1, 4))]
            schema[word] = values
        elif word == "const":
            schema[word] = self.constant()
        elif word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            schema[word] = pick(NUMBERS)
        elif word == "multipleOf":
            schema[word] = pick([1, 2, 3, 5, 0.5, 1e2, 2.0])
        elif word in ("minLength", "maxLength", "minItems", "maxItems", "minProperties",
                      "maxProperties"):
            schema[word] = self.random.randrange(4)
        elif word == "pattern":
            schema[word] = pick(PATTERNS)
        elif word == "format":
            schema[word] = pick(FORMATS + (LATER_FORMATS if self.draft == 2020 else []))
        elif word == "uniqueItems":
            schema[word] = self.chance(0.9)
        elif word == "required":
            schema[word] = self.some_names()
        elif word == "dependentRequired":
            schema[word] = {name: self.some_names() for name in self.some_names()}
        elif word in ("properties", "dependentSchemas"):
            schema[word] = self.map(depth)
        elif word == "dependencies":
            schema[word] = {name: self.some_names() if self.chance(0.5) else self.schema(depth)
                            for name in self.some_names()}
            if self.draft == 2020:
                del schema[word]
        elif word == "patternProperties":
            schema[word] = self.map(depth, PATTERNS)
        elif word in ("additionalProperties", "unevaluatedProperties", "unevaluatedItems"):
            schema[word] = False if self.chance(0.5) else self.schema(depth)
        elif word == "items" and self.draft == 7 and self.chance(0.4):
            schema[word] = self.list(depth)
            if self.chance(0.5):
                schema["additionalItems"] = self.schema(depth)
        elif word in ("propertyNames", "items", "not"):
            schema[word] = self.schema(depth)
        elif word == "contains":
            schema[word] = self.schema(depth)
            if self.draft == 2020 and self.chance(0.4):
                schema["minContains"] = self.random.randrange(3)
            if self.draft == 2020 and self.chance(0.4):
                schema["maxContains"] = self.random.randint(1, 3)
        elif word in ("allOf", "anyOf", "oneOf", "prefixItems"):
            schema[word] = self.list(depth)
        elif word == "if":
            schema[word] = self.schema(depth)
            if self.chance(0.7):
                schema["then"] = self.schema(depth)
            if self.chance(0.7):
                schema["else"] = self.schema(depth)
        elif word == "$ref":
            name = pick(self.definitions)
            place = "definitions" if self.draft == 7 else "$defs"
            schema[word] = pick([f"#/{place}/{name}", f"#{name}"] if self.draft == 2020
                                else [f"#/{place}/{name}"])
        elif word == "$dynamicRef":
            schema[word] = "#" + pick(self.definitions)

    def document(self):
        schema = self.schema(3)
        if not isinstance(schema, dict):
            schema = {"allOf": [schema]}
        if self.draft == 7 and "$ref" in schema:
            schema = {"allOf": [schema]}
        if self.definitions:
            inner = {}
            for name in self.definitions:
                # Definitions go down into the value before they refer on, so that no loop is made.
                body = {}
                for _ in range(self.random.randint(1, 3)):
                    self.keyword(body, 1)
                body = self.grounded(body)
                if self.draft == 2020:
                    body[self.random.choice(["$anchor", "$dynamicAnchor"])] = name
                inner[name] = body
            if self.draft == 2020 and self.chance(0.5):
                other = {"$id": "other.json", "$defs": {}}
                for name in self.definitions:
                    other["$defs"][name] = {"$dynamicAnchor": name, **self.grounded(
                        self.schema(1) if self.chance(0.5) else {"type": pick_kind(self.random)})}
                other["properties"] = {n: {"$dynamicRef": "#" + self.definitions[0]}
                                       for n in self.names[:2]}
                inner["other"] = other
                schema.setdefault("anyOf", []).append({"$ref": "other.json"})
            schema["definitions" if self.draft == 7 else "$defs"] = inner
        if self.draft == 2020 and self.chance(0.5):
            schema["$id"] = "http://d.example/root.json"
        schema["$schema"] = ("http://json-schema.org/draft-07/schema#" if self.draft == 7
                             else "https://json-schema.org/draft/2020-12/schema")
        return schema

    def grounded(self, schema):
        """The schema without keywords that apply others to the same value."""
        if not isinstance(schema, dict):
            return {} if schema else {"not": {}}
        return {key: value for key, value in schema.items()
                if key not in ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if",
                               "then", "else", "dependencies", "dependentSchemas")}

    def instance(self):
        if self.constants and self.chance(0.4):
            value = json.loads(json.dumps(self.random.choice(self.constants)))
        else:
            value = self.value(3)
        return self.mutated(value) if self.chance(0.5) else value

    def mutated(self, value):
        if isinstance(value, list):
            value = list(value)
            move = self.random.randrange(4)
            if move == 0 or not value:
                value.append(self.value(1))
            elif move == 1:
                value.append(value[0])
            elif move == 2:
                value.pop()
            else:
                value[0] = self.mutated(value[0])
            return value
        if isinstance(value, dict):
            value = dict(value)
            name = self.random.choice(self.names)
            if name in value and self.chance(0.5):
                del value[name]
            else:
                value[name] = self.value(1)
            return value
        if isinstance(value, bool) or value is None:
            return self.value(0)
        if isinstance(value, (int, float)):
            return self.random.choice([value + 1, -value, value / 2 if abs(value) < 1e15 else value])
        return self.random.choice([value + "a", value[1:], value.upper()])


def pick_kind(source):
    return source.choice(KINDS)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("driver")
    options.add_argument("--pairs", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--each", type=int, default=20)
    options = options.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 48)
    print(f"differential: seed {seed}, {options.pairs} pairs, jsonschema-rs "
          f"{importlib.metadata.version('jsonschema-rs')}", flush=True)
    driver = subprocess.Popen([options.driver, "verdicts"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, bufsize=1)
    started = time.monotonic()
    pairs = schemas = loops = refused = limits = differences = valid = 0
    number = 0
    while pairs < options.pairs:
        own = (seed << 24) + number
        number += 1
        generator = Generator(own)
        schema = generator.document()
        instances = [generator.instance() for _ in range(options.each)]
        request = {"schema": schema, "instances": instances,
                   "dialect": "draft-07" if generator.draft == 7 else "2020-12",
                   "formats": "assert" if generator.formats else "annotate"}
        driver.stdin.write(json.dumps(request) + "\n")
        driver.stdin.flush()
        answer = json.loads(driver.stdout.readline())
        if answer.get("fault") == "schema_reference_loop":
            loops += 1
            continue
        try:
            kind = (jsonschema_rs.Draft7Validator if generator.draft == 7
                    else jsonschema_rs.Draft202012Validator)
            other = kind(schema, validate_formats=generator.formats)
        except Exception as error:  # what they refuse
            other = None
            reason = str(error)
        if "fault" in answer or other is None:
            if "fault" in answer and other is None:
                refused += 1
                continue
            differences += 1
            print(f"seed {own}: schema taken by one side only: "
                  f"{answer} / {reason if other is None else 'taken'}\n  {json.dumps(schema)}")
            continue
        schemas += 1
        for instance, verdict in zip(instances, answer["verdicts"]):
            pairs += 1
            if verdict == "?":
                limits += 1
                continue
            theirs = other.is_valid(instance)
            valid += verdict == "t"
            if (verdict == "t") == theirs:
                continue
            differences += 1
            if differences <= 20:
                print(f"seed {own}: ours {verdict}, theirs {theirs}\n  {json.dumps(schema)}\n"
                      f"  {json.dumps(instance)}", flush=True)
    driver.stdin.close()
    driver.wait()
    print(f"differential: {pairs} pairs, {schemas} schemas, {valid} valid, {loops} loops and "
          f"{refused} others refused, {limits} limits met, {differences} differences, "
          f"{time.monotonic() - started:.0f} s, seed {seed}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
