"""Writes what the schema measurements read: FOLDER/orders.schema.json and FOLDER/orders/*.json, 2,000
different orders of about 0.9 KB, and a copy of them as lines. The seed is fixed."""

import json
import os
import random
import sys

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["id", "placed", "status", "customer", "lines", "total"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^ord_[a-z0-9]{12,24}$"},
        "placed": {"type": "string", "format": "date-time"},
        "status": {"enum": ["new", "paid", "packed", "shipped", "returned"]},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "channel": {"enum": ["web", "shop", "phone"]},
        "priority": {"type": "integer", "minimum": 0, "maximum": 9},
        "customer": {
            "type": "object",
            "required": ["id", "name", "email"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "name": {"type": "string", "minLength": 1, "maxLength": 80},
                "email": {"type": "string", "format": "email"},
                "vip": {"type": "boolean"},
                "address": {"$ref": "#/definitions/address"},
            },
        },
        "lines": {
            "type": "array", "minItems": 1, "maxItems": 50,
            "items": {
                "type": "object",
                "required": ["sku", "quantity", "price"],
                "additionalProperties": False,
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z]{2,4}-[0-9]{3,6}(-[A-Z])?$"},
                    "title": {"type": "string", "maxLength": 120},
                    "quantity": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "price": {"type": "number", "minimum": 0},
                },
            },
        },
        "total": {"type": "number", "minimum": 0},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 10},
        "note": {"type": ["string", "null"], "maxLength": 500},
    },
    "definitions": {
        "address": {
            "type": "object",
            "required": ["street", "city", "country"],
            "additionalProperties": False,
            "properties": {
                "street": {"type": "string", "minLength": 1, "maxLength": 100},
                "city": {"type": "string", "minLength": 1, "maxLength": 60},
                "postcode": {"type": "string", "pattern": "^[A-Z0-9 -]{3,10}$"},
                "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
            },
        },
    },
}

WORDS = ("amber basin cedar delta ember fjord grove haven inlet jetty knoll larch maple north ochre "
         "pearl quarry ridge slate tidal umber vale willow yarrow zephyr").split()
PEOPLE = ["Mira Holm", "Jonas Bäck", "Ada Ferreira", "Noé Laurent", "Kai Ōta", "Ines Duarte"]


def order(source):
    def word():
        return source.choice(WORDS)

    lines = [{
        "sku": f"{''.join(source.choices('ABCDEFGH', k=source.randint(2, 4)))}-"
               f"{source.randrange(10 ** 3, 10 ** source.randint(4, 6))}",
        "title": " ".join(word() for _ in range(source.randint(2, 5))),
        "quantity": source.randint(1, 40),
        "price": source.randrange(100, 90000) / 100,
    } for _ in range(source.randint(3, 5))]
    value = {
        "id": "ord_" + "".join(source.choices("abcdefghijkmnpqrstuvwxyz0123456789",
                                              k=source.randint(12, 24))),
        "placed": f"2026-{source.randint(1, 12):02}-{source.randint(1, 28):02}T"
                  f"{source.randint(0, 23):02}:{source.randint(0, 59):02}:"
                  f"{source.randint(0, 59):02}.{source.randrange(1000):03}Z",
        "status": source.choice(["new", "paid", "packed", "shipped", "returned"]),
        "currency": source.choice(["EUR", "SEK", "GBP"]),
        "channel": source.choice(["web", "shop", "phone"]),
        "priority": source.randint(0, 9),
        "customer": {
            "id": "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}".format(
                *(source.getrandbits(bits) for bits in (32, 16, 12, 12, 48))),
            "name": source.choice(PEOPLE),
            "email": f"{word()}.{word()}{source.randrange(1000)}@{word()}.example",
            "vip": source.random() < 0.1,
            "address": {
                "street": f"{word().title()} street {source.randint(1, 300)}",
                "city": word().title(),
                "postcode": f"{source.randrange(10000, 99999)}",
                "country": source.choice(["DE", "SE", "PT", "FR"]),
            },
        },
        "lines": lines,
        "total": round(sum(line["quantity"] * line["price"] for line in lines), 2),
        "tags": [word() for _ in range(source.randint(0, 5))],
        "note": None if source.random() < 0.3 else
        " ".join(word() for _ in range(source.randint(8, 40))),
    }
    names = list(value)
    if source.random() < 0.5:
        source.shuffle(names)
    return {name: value[name] for name in names}


def main():
    folder = sys.argv[1]
    os.makedirs(f"{folder}/orders", exist_ok=True)
    source = random.Random(20260314)
    with open(f"{folder}/orders.schema.json", "w") as file:
        json.dump(SCHEMA, file)
    sizes = 0
    for number in range(2000):
        text = json.dumps(order(source), separators=(",", ":"), ensure_ascii=False)
        sizes += len(text.encode())
        with open(f"{folder}/orders/{number:04}.json", "w", encoding="utf-8") as file:
            file.write(text)
    print(f"2000 orders, {sizes / 2000:.0f} bytes on average")


if __name__ == "__main__":
    main()
