"""Takes `requires MODULE` out of a jar's module-info.class: `drop_requires.py JAR MODULE...`, in place.

The Java runtime that comes as a Python wheel lacks modules that Elasticsearch names there and never uses.
The layout is that of the class file format, chapter 4 of the Java Virtual Machine Specification.
"""

import struct
import sys
import zipfile
from pathlib import Path

UTF8, LONG, DOUBLE, MODULE = 1, 5, 6, 19
SIZES = {3: 5, 4: 5, 5: 9, 6: 9, 7: 3, 8: 3, 9: 5, 10: 5, 11: 5, 12: 5, 15: 4, 16: 3, 17: 5, 18: 5, 19: 3, 20: 3}
REQUIRES = 6  # bytes of each entry: module, flags, version
TO_ATTRIBUTES = 12  # access, this and super class, and no interfaces, fields or methods


def names(code: bytes) -> tuple[int, dict[int, str], dict[int, str]]:
    """Where the constants end, the texts by index, and the names of the modules by index."""
    (count,) = struct.unpack_from(">H", code, 8)
    at, index, texts, modules = 10, 1, dict[int, str](), dict[int, int]()
    while index < count:
        tag = code[at]
        if tag == UTF8:
            (length,) = struct.unpack_from(">H", code, at + 1)
            texts[index] = code[at + 3 : at + 3 + length].decode()
            at += 3 + length
        else:
            if tag == MODULE:
                (modules[index],) = struct.unpack_from(">H", code, at + 1)
            at += SIZES[tag]
        index += 2 if tag in (LONG, DOUBLE) else 1
    return at, texts, {index: texts[name] for index, name in modules.items()}


def without(code: bytes, dropped: set[str]) -> bytes:
    """The class file of a module without what it requires of `dropped`."""
    at, texts, modules = names(code)
    at += TO_ATTRIBUTES
    (count,) = struct.unpack_from(">H", code, at)
    made, at = [code[: at + 2]], at + 2
    for _ in range(count):
        name, length = struct.unpack_from(">HI", code, at)
        body, at = code[at + 6 : at + 6 + length], at + 6 + length
        if texts[name] == "Module":
            body = _kept(body, modules, dropped)
        made.append(struct.pack(">HI", name, len(body)) + body)
    return b"".join(made)


def _kept(body: bytes, modules: dict[int, str], dropped: set[str]) -> bytes:
    (count,) = struct.unpack_from(">H", body, 6)
    end = 8 + REQUIRES * count
    entries = [body[start : start + REQUIRES] for start in range(8, end, REQUIRES)]
    kept = [entry for entry in entries if modules[int.from_bytes(entry[:2], "big")] not in dropped]
    return body[:6] + struct.pack(">H", len(kept)) + b"".join(kept) + body[end:]


def main(jar: Path, dropped: set[str]) -> None:
    partial = jar.with_suffix(".partial")
    with zipfile.ZipFile(jar) as old, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry, without(data, dropped) if entry.filename.endswith("module-info.class") else data)
    partial.replace(jar)


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
