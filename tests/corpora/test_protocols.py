"""Names of protocols in print."""

from hearlog.corpora.protocols import PROTOCOLS, protocol_label


def test_every_protocol_has_a_name_in_print():
    names = {protocol: protocol_label(protocol, 4) for protocol in PROTOCOLS}
    assert names == {
        "stratified_cv": "stratified 4-fold CV",
        "grouped_cv": "grouped 4-fold CV",
        "artist_cv": "artist-grouped 4-fold CV",
        "official": "official split",
        "fault_filtered": "fault-filtered split",
        "dev_cv4": "4 published folds",
    }
