"""Keyed hashes in the place of user ids: who holds the cache without the key cannot tell whether a listener is in it.

HMAC (H. Krawczyk, M. Bellare, R. Canetti: RFC 2104, 1997) with SHA-256, in hexadecimal digits. The key is made at
first use and stays on the machine: ``data/user.key`` is in no cache and no commit. With another key the same users
have other rows.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import duckdb

from hearlog.util.errors import InputError

BYTES, BLOCK = 32, 64  # of the key, and of SHA-256

HASHED = """
    CREATE TEMP MACRO hashed(id) AS
    sha256(getvariable('outer_pad') || unhex(sha256(getvariable('inner_pad') || encode(id))))
"""


def read_key() -> bytes:
    """Read the key of the repository, or make one.

    Raises
    ------
    InputError
        If the file is no key, or cannot be read.
    """
    # `dvc exp run --temp` works in a copy without the file.
    path = Path(os.environ.get("DVC_ROOT", "."), "data/user.key")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(BYTES))
        with suppress(FileExistsError):  # another process was first
            path.hardlink_to(unfinished)
        unfinished.unlink()
        print(f"logs: a new key for user ids is in {path}; keep it: with another, users get other rows")
    try:
        key = bytes.fromhex(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: not readable: {error}. Bring the key back, or remove what is there") from None
    except ValueError:
        key = b""
    if len(key) != BYTES:
        raise InputError(f"{path}: not a key of {BYTES} bytes in hexadecimal digits. Bring it back, or remove it")
    return key


def define_hash(con: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Give a connection the function ``hashed(id)``: text to 64 hexadecimal digits."""
    block = key.ljust(BLOCK, b"\0")
    con.execute("SET VARIABLE inner_pad = ?", [bytes(byte ^ 0x36 for byte in block)])
    con.execute("SET VARIABLE outer_pad = ?", [bytes(byte ^ 0x5C for byte in block)])
    con.execute(HASHED)
