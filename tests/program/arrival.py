"""Whether anything that is stored tells in which order calls came."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.container import Container

STORE: Final = "/var/lib/callveil/records.sqlite3"

# Without Callveil's own code, as somebody would who has a copy of the disk.
_LOOK: Final = """
import json, os, sqlite3, sys
folders, store, keys = json.loads(sys.stdin.read())
keys = [bytes.fromhex(key) for key in keys]
places = {}
for folder in folders:
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            data = file.read()
        for which, form in (("bytes", lambda key: key), ("hexadecimal", lambda key: key.hex().encode())):
            found = {}
            for key in keys:
                for where in (data.find(form(key)), data.rfind(form(key))):
                    if where >= 0:
                        found.setdefault(key.hex(), []).append(where)
            if found:
                places[f"{path} ({which})"] = found
database = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=20)
for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    if "key" not in columns:
        continue
    orders = {"as they are read": f"SELECT key FROM {table}"}
    try:
        database.execute(f"SELECT rowid FROM {table}")
        orders["by rowid"] = f"SELECT key FROM {table} ORDER BY rowid"
    except sqlite3.OperationalError:
        pass
    for name, statement in orders.items():
        rows = [bytes(row[0]).hex() for row in database.execute(statement)]
        places[f"{table}, {name}"] = {key: [number] for number, key in enumerate(rows)}
print(json.dumps(places))
"""


def places(
    container: Container, keys: Sequence[bytes], folders: Sequence[str]
) -> dict[str, dict[str, list[int]]]:
    """Return where keys of records stand: first and last byte in each file, and the number of their row.

    Args:
        container: where the store is.
        keys: of the records.
        folders: whose files are looked through.
    """
    asked = json.dumps([list(folders), STORE, [key.hex() for key in keys]])
    found: Any = json.loads(container.exec(["python3", "-c", _LOOK], input=asked).stdout)
    return dict(found)


def correlation(order: Sequence[bytes], where: Mapping[str, Sequence[int]], which: int) -> float:
    """Return Spearman's rank correlation of the order in which calls came with where they stand.

    Args:
        order: the keys, as the calls came.
        where: the places of each key that was found, as hexadecimal digits.
        which: of several places, 0 for the first, -1 for the last.
    """
    present = [key.hex() for key in order if key.hex() in where]
    by_place = sorted(present, key=lambda key: where[key][which])
    ranks = {key: rank for rank, key in enumerate(by_place)}
    number = len(present)
    squares = sum((came - ranks[key]) ** 2 for came, key in enumerate(present))
    return 1 - 6 * squares / (number * (number * number - 1))


def telling(
    order: Sequence[bytes], found: Mapping[str, Mapping[str, Sequence[int]]], least: int = 30
) -> dict[str, float]:
    """Return the places from which the order of calls can be read, at least in part, and how much so.

    Pure chance stays below the limit but once in a million places.

    Args:
        order: the keys, as the calls came.
        found: see `places`.
        least: calls that a place must hold to say anything.
    """
    said: dict[str, float] = {}
    for name, where in found.items():
        number = sum(key.hex() in where for key in order)
        if number < least:
            continue
        for which in (0, -1):
            value = correlation(order, where, which)
            if abs(value) > 5 / math.sqrt(number - 1):
                said[name] = round(value, 3)
    return said
