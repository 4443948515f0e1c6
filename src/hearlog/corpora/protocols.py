"""Protocols: how a task is divided into training, validation and test; without pandas, as settings name them."""

DRAWN_FOLDS = ("stratified_cv", "grouped_cv", "artist_cv")  # protocols that take a number of folds
PUBLISHED = ("official", "fault_filtered", "dev_cv4")  # protocols whose test parts the data set names
PROTOCOLS = (*DRAWN_FOLDS, *PUBLISHED)
LABELS = {
    "stratified_cv": "stratified {folds}-fold CV",
    "grouped_cv": "grouped {folds}-fold CV",
    "artist_cv": "artist-grouped {folds}-fold CV",
    "official": "official split",
    "fault_filtered": "fault-filtered split",
    "dev_cv4": "{folds} published folds",
}


def protocol_label(protocol: str, folds: int) -> str:
    """Name a protocol and its folds for tables and figures.

    Scores of one data set under two protocols do not compare, so no score is printed without it.
    """
    return LABELS[protocol].format(folds=folds)
