"""The commands of ``hearlog`` that use a trained model: they work in any folder, without DVC."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hearlog.features.formats import ENGINES, EXPORTED, PRECISIONS
from hearlog.model.architecture import LAYERS, SYNONYMS
from hearlog.util.errors import InputError
from hearlog.util.terminal import printable

if TYPE_CHECKING:
    import pandas as pd

    from hearlog.features.table import FeatureTable

LAYER_NAMES = (*LAYERS, *SYNONYMS)


def add_options(parsers: Mapping[str, argparse.ArgumentParser]) -> None:
    """Add the options of each of `COMMANDS`."""
    for command in (embed, similar, recommend):
        parsers[command.__name__].add_argument(
            "--model", type=Path, required=True, metavar="DIR", help="model folder, such as models/estimator-div1"
        )
    for command in (similar, recommend):
        parser = parsers[command.__name__]
        parser.add_argument(
            "--index", type=Path, required=True, metavar="FILE", help="features that hearlog embed wrote of your songs"
        )
        parser.add_argument(
            "-k", type=_count, default=10, dest="count", metavar="N", help="songs to list (default: 10)"
        )
    _add_embed_options(parsers["embed"])
    parsers["similar"].add_argument("query", help="a sound file")
    parsers["similar"].add_argument(
        "--layer", choices=LAYER_NAMES, help="that of the index, where it does not say, as CSV"
    )
    parsers["recommend"].add_argument(
        "--user-log",
        type=Path,
        required=True,
        metavar="FILE",
        help="what one listener played, CSV or Parquet: path, as in the index; optionally plays",
    )
    parsers["export"].add_argument("model", type=Path, metavar="DIR", help="model folder; the file is written into it")
    parsers["export"].add_argument("--format", choices=[*EXPORTED], required=True, dest="form")


def _add_embed_options(embed: argparse.ArgumentParser) -> None:
    embed.add_argument("places", nargs="+", metavar="FILE_OR_FOLDER", help="folders are searched through")
    embed.add_argument("--out", type=Path, required=True, metavar="FILE", help="table to write: .parquet, .npz or .csv")
    embed.add_argument("--layer", choices=LAYER_NAMES, default="embedding", help="(default: embedding)")
    embed.add_argument(
        "--hop",
        type=float,
        metavar="SECONDS",
        help="a window every so often over the whole sound, not its middle alone",
    )
    embed.add_argument("--device", default="auto", help="auto | cpu | cuda | cuda:N | mps (default: auto)")
    embed.add_argument("--precision", choices=PRECISIONS, default="float32", help="(default: float32)")
    embed.add_argument("--engine", choices=ENGINES, default="torch", help="(default: torch)")
    embed.add_argument("--batch-size", type=_count, default=16, metavar="N", help="sounds at once (default: 16)")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: give a number, 1 or more")
    return int(text)


def embed(
    places: list[str],
    model: Path,
    out: Path,
    layer: str,
    hop: float | None,
    device: str,
    precision: str,
    engine: str,
    batch_size: int,
) -> None:
    """Compute features of sound files with a trained model, into one table."""
    from hearlog.features.embed import describe, embed_files
    from hearlog.features.extractor import load
    from hearlog.features.files import find_sounds
    from hearlog.util.plain_text import counted

    files = find_sounds(places)
    extractor = load(model, device=device, precision=precision, engine=engine)
    done = embed_files(files, extractor, describe(model, layer, hop, engine, precision), out, batch_size=batch_size)
    left_out = f", {done.rejected} left out: {done.rejected_table} says why" if done.rejected else ""
    print(f"{out}: {layer} of {counted(done.files, 'file')} in {extractor.dimensions(layer)} dimensions{left_out}")


def similar(query: str, model: Path, index: Path, count: int, layer: str | None) -> None:
    """List the songs of an index that sound most like a file."""
    from hearlog.features import search
    from hearlog.features.extractor import load

    table = _read_index(index, model)
    known = table.about.get("layer")
    if layer and known and layer != known:
        raise InputError(f"{index}: features of layer {known}, not {layer}: leave --layer out")
    vector = load(model).embed(query, layer=known or layer or "embedding")[0]
    _print(search.similar(vector, table, count))


def recommend(model: Path, index: Path, user_log: Path, count: int) -> None:
    """Rank the songs of an index for a listener, by what audio tells: also those that nobody has played."""
    from hearlog.features import search
    from hearlog.model.folder import read_config

    table = _read_index(index, model)
    plays, config = search.read_plays(user_log), read_config(model)
    found = search.recommend(plays, table, config, count)
    _print(found)
    if found.empty:
        _note(f"every song of {index} was played")
    if "plays" in plays and not config.targets.counts:
        _note("plays are not counted: the logs that this model learned from had none, a song was played or not")
    missing = plays["path"][~plays["path"].isin(set(table.paths))]
    if len(missing):
        _note(f"{len(missing)} of {len(plays)} played songs are not in the index, such as {missing.iloc[0]}")


def export(model: Path, form: str) -> None:
    """Write a model's network as ONNX or OpenVINO, and print how far it is from torch."""
    from hearlog.features.export import export as write

    path, difference = write(model, form)
    print(f"{path}: differs from torch by at most {difference:.1e} of a layer's largest element")


def _read_index(index: Path, model: Path) -> FeatureTable:
    """Read features, and make sure that this model gave them."""
    from hearlog.features.embed import identify
    from hearlog.features.table import read_features

    table = read_features(index)
    if table.about.get("model", identify(model)) != identify(model):
        raise InputError(f"{index}: features of another model than {model}: embed the songs again")
    if "model" not in table.about:
        _note(f"{index} does not say which model its features are of: make sure that it is {model}")
    return table


def _note(text: str) -> None:
    print(f"hearlog: {printable(text)}", file=sys.stderr)


def _print(table: pd.DataFrame) -> None:
    print(table.to_csv(sep="\t", index=False, float_format="%.4f"), end="")


COMMANDS = (embed, similar, recommend, export)
