"""The table of readers that params may name."""

from __future__ import annotations

from hearlog.corpora.readers import dcase2016, emomusic, extended_ballroom, fma, gtzan, table
from hearlog.corpora.readers.dataset import DataSet

READERS: dict[str, DataSet] = {
    "dcase2016": dcase2016.DATA_SET,
    "emomusic": emomusic.DATA_SET,
    "extended_ballroom": extended_ballroom.DATA_SET,
    "fma_medium": fma.MEDIUM,
    "fma_small": fma.SMALL,
    "gtzan": gtzan.DATA_SET,
    "table": table.DATA_SET,
}
