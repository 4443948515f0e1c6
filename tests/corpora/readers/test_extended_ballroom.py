from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from annotations import FIXTURES, OFFICIAL, edit

from hearlog.corpora.readers.registry import READERS
from hearlog.util.errors import InputError

BALLROOM = READERS["extended_ballroom"]
ANNOTATION = "extendedballroom_v1.1.xml"
STYLES = [(FIXTURES / "extended_ballroom", {"Waltz": 3, "Tango": 3, "Wcswing": 2})]
# Groups of more than one song, songs in them, and the largest group.
GROUPS = [(FIXTURES / "extended_ballroom", 3, 7, 3)]
if OFFICIAL.is_dir():
    STYLES.append(
        (
            OFFICIAL / "extended_ballroom",
            {"Waltz": 529, "Foxtrot": 507, "Quickstep": 497, "Rumba": 470, "Samba": 468, "Tango": 464, "Chacha": 455}
            | {"Jive": 350, "Viennesewaltz": 252, "Slowwaltz": 65, "Pasodoble": 53, "Salsa": 47, "Wcswing": 23},
        )
    )
    GROUPS.append((OFFICIAL / "extended_ballroom", 370, 823, 8))


def merge_until_nothing_changes(root: Path) -> set[frozenset[str]]:
    """Groups of linked songs, by merging the sets that share an id over and over."""
    songs = ElementTree.parse(root / ANNOTATION).getroot().findall("*/song")  # noqa: S314
    ids = {song.attrib["id"] for song in songs}
    sets = [{song.attrib["id"], *(other.attrib["id"] for other in song)} for song in songs]
    merged = True
    while merged:
        merged, holder = False, {}
        for group in sets:
            joined = set(group).union(*(holder[item] for item in group if item in holder))
            merged |= len(joined) > len(group)
            holder |= dict.fromkeys(joined, joined)
        sets = [set(group) for group in {frozenset(group) for group in holder.values()}]
    return {frozenset(group & ids) for group in sets}


@pytest.mark.parametrize(("root", "styles"), STYLES)
def test_ballroom_counts(root: Path, styles: dict[str, int]) -> None:
    items = BALLROOM.read(root, "style")
    assert items["target"].value_counts().to_dict() == styles
    assert (items["path"] == items["target"] + "/" + items["item_id"] + ".mp3").all()
    assert items["artist"].notna().all()
    assert items["title"].notna().all()
    assert items[["split", "fold"]].isna().all(axis=None)


def test_ballroom_has_4180_songs_in_13_published_classes() -> None:
    assert sum(BALLROOM.classes.values()) == 4180
    assert len(BALLROOM.classes) == 13
    assert (BALLROOM.classes["Waltz"], BALLROOM.classes["Wcswing"]) == (529, 23)
    assert all(BALLROOM.classes == styles for root, styles in STYLES if OFFICIAL in root.parents)


@pytest.mark.parametrize(("root", "groups", "songs", "largest"), GROUPS)
def test_ballroom_duplicate_groups(root: Path, groups: int, songs: int, largest: int) -> None:
    items = BALLROOM.read(root, "style")
    sizes = items["group"].value_counts()
    assert (sizes > 1).sum() == groups
    assert sizes[sizes > 1].sum() == songs
    assert sizes.max() == largest
    assert {frozenset(members) for _, members in items.groupby("group")["item_id"]} == merge_until_nothing_changes(root)


def test_ballroom_versions_of_a_song_share_a_group_through_any_chain_of_links() -> None:
    items = BALLROOM.read(FIXTURES / "extended_ballroom", "style").set_index("item_id")
    assert items["group"].to_dict() == {
        "100102": "100102",
        "100103": "100102",
        "100205": "100102",
        "100104": "100104",
        "100201": "100201",
        "100202": "100201",
        "100301": "100301",
        "100302": "100301",
    }


@pytest.mark.parametrize("link", ["version", "exact", "time", "karaoke"])
def test_ballroom_songs_share_a_group_through_a_link_of_any_kind(copy: Callable[[str], Path], link: str) -> None:
    root = copy("extended_ballroom")
    edit(root / ANNOTATION, 'hash="02"/>', f'hash="02"><{link} id="100301"/></song>')
    group = BALLROOM.read(root, "style").set_index("item_id")["group"]
    assert group["100104"] == group["100301"] == group["100302"] == "100104"


def test_ballroom_songs_linked_to_a_song_that_is_not_there_share_a_group(copy: Callable[[str], Path]) -> None:
    root = copy("extended_ballroom")
    edit(root / ANNOTATION, 'hash="02"/>', 'hash="02"><version id="999999"/></song>')
    edit(root / ANNOTATION, 'hash="05">', 'hash="05"><version id="999999"/>')
    items = BALLROOM.read(root, "style").set_index("item_id")
    assert items.loc["100104", "group"] == items.loc["100301", "group"]
    assert "999999" not in items.index


def test_ballroom_artist_and_title_are_stripped(copy: Callable[[str], Path]) -> None:
    root = copy("extended_ballroom")
    edit(root / ANNOTATION, 'artist="Other"', 'artist=" Other"')
    items = BALLROOM.read(root, "style").set_index("item_id")
    assert items.loc["100104", ["artist", "title"]].tolist() == ["Other", "C"]
    assert items.loc["100103", "artist"] == "Singer & Band"


@pytest.mark.parametrize("share", [0.9, 0.5, 0.02])
def test_ballroom_truncated_xml_is_refused(copy: Callable[[str], Path], share: float) -> None:
    root = copy("extended_ballroom")
    content = (root / ANNOTATION).read_bytes()
    (root / ANNOTATION).write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=rf"{ANNOTATION}: broken or truncated XML: .* Fetch the file again"):
        BALLROOM.read(root, "style")


@pytest.mark.parametrize("encoding", ["shift_jis", "utf-7", "no-such-encoding"])
def test_ballroom_xml_in_an_encoding_that_cannot_be_read_is_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ANNOTATION).write_text(f'<?xml version="1.0" encoding="{encoding}"?><ballroom/>', encoding="utf-8")
    with pytest.raises(InputError, match=rf"{ANNOTATION}: broken or truncated XML: .*encoding.* Fetch the file again"):
        BALLROOM.read(tmp_path, "style")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Waltz>", "Polka>", "broken or truncated XML: mismatched tag"),
        ('id="100104"', 'id="100103"', "song 100103: '100103' stands twice"),
        ('id="100104" ', "", "this row has no id"),
    ],
)
def test_ballroom_fault_is_refused_and_named(copy: Callable[[str], Path], old: str, new: str, message: str) -> None:
    root = copy("extended_ballroom")
    edit(root / ANNOTATION, old, new)
    with pytest.raises(InputError, match=message):
        BALLROOM.read(root, "style")


def test_ballroom_unknown_style_is_refused(copy: Callable[[str], Path]) -> None:
    root = copy("extended_ballroom")
    for tag in ("<Wcswing>", "</Wcswing>"):
        edit(root / ANNOTATION, tag, tag.replace("Wcswing", "Polka"))
    with pytest.raises(InputError, match="song 100301: 'Polka' is no label"):
        BALLROOM.read(root, "style")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<ballroom><Waltz/></ballroom>", "names no songs"),
        ("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    ],
)
def test_ballroom_file_without_songs_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / ANNOTATION).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        BALLROOM.read(tmp_path, "style")
