"""jsonschema-rs with orjson: parses and validates the files of folders in turn, as
`jodrell-schema-driver measure` does.  peer.py SECONDS [SCHEMA FOLDER]..."""

import json
import os
import sys
import time

import jsonschema_rs
import orjson


def main():
    seconds = float(sys.argv[1])
    cases = []
    for schema, folder in zip(sys.argv[2::2], sys.argv[3::2]):
        with open(schema, encoding="utf-8") as file:
            validator = jsonschema_rs.Draft7Validator(json.load(file), validate_formats=True)
        events = []
        for name in sorted(os.listdir(folder)):
            with open(f"{folder}/{name}", "rb") as file:
                events.append(file.read())
        cases.append((validator.is_valid, events))
    count = sum(len(events) for _, events in cases)
    size = sum(len(event) for _, events in cases for event in events)
    loads = orjson.loads
    passes = []
    refused = 0
    end = time.perf_counter() + seconds
    while not passes or time.perf_counter() < end:
        refused = 0
        began = time.perf_counter()
        for is_valid, events in cases:
            for event in events:
                refused += not is_valid(loads(event))
        passes.append((time.perf_counter() - began) / count)
    best = min(passes)
    print(f"{count} events, {refused} refused, {best * 1e9:.0f} ns each, "
          f"{size / count / best / 1e6:.0f} MB/s")


if __name__ == "__main__":
    main()
