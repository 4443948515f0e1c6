"""Extended Ballroom 1.1: 4180 clips of 30 s in 13 dance styles, unbalanced (Waltz 529, Wcswing 23).

Layout under the root: ``extendedballroom_v1.1.xml`` (md5 54130c25034804a4d17363226f68cadd) and
``<Style>/<id>.mp3``. In the XML the style is the tag around the songs, and a song's children ``version``,
``exact``, ``time`` and ``karaoke`` name other ids that repeat it.

Citation: U. Marchand and G. Peeters, "Scale and shift invariant time/frequency representation using auditory
statistics: application to rhythm description", IEEE International Workshop on Machine Learning for Signal
Processing, 2016.

Source: the authors' page at IRCAM has the XML and a script that fetches the audio, previews of a shop for
dance music.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from hearlog import tables
from hearlog.corpora.dataset import DataSet
from hearlog.errors import InputError

STYLES = (
    "Chacha", "Foxtrot", "Jive", "Pasodoble", "Quickstep", "Rumba", "Salsa",
    "Samba", "Slowwaltz", "Tango", "Viennesewaltz", "Waltz", "Wcswing",
)  # fmt: skip
ANNOTATION = "extendedballroom_v1.1.xml"


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
    The columns of `hearlog.corpus.ITEM_COLUMNS`, in the order of the XML. Songs that repeat each other,
    directly or through others, share a group, named by the least id among them; there is no official split.
    """
    source = tables.find(root, ANNOTATION)
    songs = [(style.tag, song) for style in _parse(source) for song in style.iterfind("song")]
    ids = pd.Index([song.get("id", "") for _, song in songs], name="song")
    styles = [style for style, _ in songs]
    rows = pd.DataFrame({"item_id": ids, "split": None, "target": styles}, index=ids)
    rows["path"] = rows["target"] + "/" + rows["item_id"] + ".mp3"
    rows["group"] = rows["item_id"].map(_groups([song for _, song in songs]))
    return tables.items(source, rows, STYLES)


def _parse(source: Path) -> ElementTree.Element:
    tables.refuse_lfs_pointer(source)
    try:
        return ElementTree.parse(source).getroot()  # noqa: S314  expat itself bounds entity expansion since 2.4
    except ElementTree.ParseError as error:
        raise InputError(f"{source}: broken or truncated XML: {error}. Fetch the file again") from None


def _groups(songs: list[ElementTree.Element]) -> dict[str, str]:
    """For each id, the least id of the songs it is connected to by any chain of repetitions."""
    # Here, for the quarter of a second it takes: the stages of all other data sets import this module as well.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = [(song.get("id", ""), other.get("id", "")) for song in songs for other in song]
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
)
