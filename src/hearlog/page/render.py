"""The page itself: one file with its style, its script and its data, and nothing fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from hearlog.report.text import CAVEAT, SYNTHETIC, WITHIN
from hearlog.transfer.methods import METHODS


def render(content: dict[str, Any]) -> str:
    """Write the page.

    Everything in ``content`` is text of a run, and escaped; data for the script are JSON in which no tag can end.
    A policy in the page forbids every request but for the linked audio, and every script and style but these.

    Parameters
    ----------
    content
        What the template names, see `stages.page`.
    """
    files = resources.files("hearlog.page")
    style, script = ((files / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hearlog.page", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = {"methods": METHODS, "synthetic_words": SYNTHETIC, "caveat": CAVEAT, "within_words": WITHIN}
    own = {"style": Markup(style), "script": Markup(script), "policy": _policy(style, script)}  # noqa: S704
    return environment.get_template("page.html.j2").render(content | texts | own)


def _policy(style: str, script: str) -> str:
    """Allow the page's own style and script by their hashes, its own pictures, and audio beside it."""
    return (
        f"default-src 'none'; img-src data:; media-src 'self' file:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode('utf-8')).digest()).decode('ascii')}'"
