"""Extended Ballroom 1.1: 4180 clips of 30 s in 13 dance styles, unbalanced (Waltz 529, Wcswing 23); mp3.

A song may repeat another: as a version, an exact copy, at another tempo, or as karaoke. By the links between them, 823
songs fall into 370 groups, the largest of 8, none of them across styles. Three pairs of further songs (105712 and
105713, 105714 and 105715, 105716 and 105717) have one md5 each, so one and the same file: no link joins them, and the
groups leave them apart.

Citation: U. Marchand and G. Peeters, "Scale and shift invariant time/frequency representation using auditory
statistics: application to rhythm description", IEEE International Workshop on Machine Learning for Signal Processing,
2016.

Source: the authors hand out the XML and a script that fetches the audio: previews of a shop for dance music.

Licence: none is stated; the music is commercial, and the authors do not hand it out themselves.

Checksums: md5 54130c25034804a4d17363226f68cadd of the XML, which names that of each mp3 in turn.

Layout under the root: ``extendedballroom_v1.1.xml`` and ``<Style>/<id>.mp3``. In the XML the style is the tag around
the songs, and a song's children ``version``, ``exact``, ``time`` and ``karaoke`` name the ids it is linked to.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from hearlog.corpora import tables
from hearlog.corpora.readers.dataset import DataSet
from hearlog.util.errors import InputError
from hearlog.util.files import refuse_lfs_pointer

ANNOTATION = "extendedballroom_v1.1.xml"
LINKS = ("version", "exact", "time", "karaoke")
STYLES = {
    "Waltz": 529, "Foxtrot": 507, "Quickstep": 497, "Rumba": 470, "Samba": 468, "Tango": 464, "Chacha": 455,
    "Jive": 350, "Viennesewaltz": 252, "Slowwaltz": 65, "Pasodoble": 53, "Salsa": 47, "Wcswing": 23,
}  # fmt: skip


def read(root: Path, target: str) -> pd.DataFrame:
    """Items of the Extended Ballroom.

    Parameters
    ----------
    root
        The folder that holds the XML and the folders of the styles.
    target
        ``"style"``.

    Returns
    -------
    The columns of `hearlog.corpora.corpus.ITEM_COLUMNS`, in the order of the XML. Songs that are linked, directly or
    through others, share a group, named by the least id among them; there is no official split.

    Raises
    ------
    InputError
        For an XML that is missing, broken or truncated, a song without id or with that of another, or a style that
        the data set does not have.
    """
    source = tables.find(root, ANNOTATION)
    styles, songs = zip(*_parse(source), strict=True)
    ids = pd.Index([song.get("id", "") for song in songs], name="song")
    rows = pd.DataFrame({"item_id": ids, "target": styles}, index=ids)
    rows["path"] = rows["target"] + "/" + rows["item_id"] + ".mp3"
    for attribute in ("artist", "title"):
        rows[attribute] = [song.get(attribute, "").strip() for song in songs]
    rows["group"] = rows["item_id"].map(_group(songs))
    return tables.items(source, rows, STYLES)


def _parse(source: Path) -> list[tuple[str, ElementTree.Element]]:
    """Style and element of each song; at least one."""
    refuse_lfs_pointer(source)
    try:
        ballroom = ElementTree.parse(source).getroot()  # noqa: S314  expat itself bounds entity expansion since 2.4
    # Of an encoding that expat does not read, Python raises the other two.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise InputError(f"{source}: broken or truncated XML: {error}. Fetch the file again") from None
    songs = [(style.tag, song) for style in ballroom for song in style.iterfind("song")]
    if not songs:
        raise InputError(f"{source}: names no songs. Fetch the file again")
    return songs


def _group(songs: tuple[ElementTree.Element, ...]) -> dict[str, str]:
    """For each id, the least id of the songs it is connected to by any chain of links."""
    # Here, for the quarter of a second it takes: the stages of all other data sets import this module as well.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = [
        (song.get("id", ""), other.get("id", "")) for song in songs for tag in LINKS for other in song.iterfind(tag)
    ]
    ids = sorted({song.get("id", "") for song in songs} | {linked for _, linked in links})
    number = {item_id: position for position, item_id in enumerate(ids)}
    ends = np.array([(number[one], number[other]) for one, other in links], dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(ids), len(ids)))
    component = connected_components(graph, directed=False)[1]
    # np.unique gives the first position of each component, and the ids are sorted.
    least = np.unique(component, return_index=True)[1]
    return {item_id: ids[least[part]] for item_id, part in zip(ids, component, strict=True)}


DATA_SET = DataSet(
    title="Extended Ballroom",
    read=read,
    targets=("style",),
    protocols=("stratified_cv", "grouped_cv"),
    group="version",
    classes=STYLES,
    checksums={ANNOTATION: "md5:54130c25034804a4d17363226f68cadd"},
)
