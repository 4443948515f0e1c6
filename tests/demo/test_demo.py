"""The generated world: the official layouts, the traps, and the same bytes for the same seed."""

import gzip
import hashlib
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from hearlog.corpora.readers.dcase2016 import SCENES
from hearlog.corpora.readers.registry import READERS
from hearlog.demo import fma, gtzan, world
from hearlog.params import Demo

SETTINGS = Demo(
    songs=12,
    listeners=40,
    plays=2000,
    seconds=1.2,
    gtzan=10,
    extended_ballroom=26,
    emomusic=24,
    fma=64,
    dcase2016=45,
)


def digests(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    world.make(SETTINGS, 0, folder, workers=1)
    return folder


def readable(path: Path) -> bool:
    try:
        return soundfile.info(path).duration > 1
    except soundfile.LibsndfileError:
        return False


def listed(root: Path, reader: str, target: str) -> tuple[pd.DataFrame, pd.Series]:
    folder = root / reader.removesuffix("_small").removesuffix("_medium")
    items = READERS[reader].read(folder, target)
    return items, items["path"].map(lambda path: readable(folder / path))


def plan_gtzan(folder: Path, count: int) -> pd.DataFrame:
    """Items of a GTZAN of ``count`` sound clips whose audio is left out."""
    for recording in gtzan.plan(count, folder, 0, 8.0):
        recording.path.parent.mkdir(parents=True, exist_ok=True)
        recording.path.touch()
    items = READERS["gtzan"].read(folder, "genre")
    return items[items["item_id"] != gtzan.CORRUPT]


def test_same_seed_gives_the_same_bytes_for_any_number_of_processes(root: Path, tmp_path: Path) -> None:
    world.make(SETTINGS, 0, tmp_path, workers=2)
    assert digests(tmp_path) == digests(root)


def test_another_seed_gives_other_music_and_other_logs(tmp_path: Path) -> None:
    few = Demo(
        songs=4, listeners=4, plays=50, seconds=0.5, gtzan=1, extended_ballroom=1, emomusic=1, fma=2, dcase2016=2
    )
    for seed in (1, 2):
        world.make(few, seed, tmp_path / str(seed), workers=1)
    one, two = digests(tmp_path / "1"), digests(tmp_path / "2")
    for shared in one.keys() & two.keys():
        fixed = shared.endswith(("README.txt", "index.txt", "133297.mp3")) or ("TUT" in shared and "wav" not in shared)
        assert (one[shared] == two[shared]) == fixed, shared


def test_every_folder_but_the_logs_says_that_it_is_synthetic(root: Path) -> None:
    for folder in root.iterdir():
        if folder.name == "logs":
            assert all("synthetic" in path.name for path in folder.iterdir())
        else:
            assert "synthetic" in (folder / "README.txt").read_text()


def test_gtzan_has_its_layout_and_its_corrupt_file(root: Path) -> None:
    items, sound = listed(root, "gtzan", "genre")
    assert items.loc[sound, "target"].value_counts().to_dict() == dict.fromkeys(gtzan.GENRES, 1)
    assert items.loc[~sound, "path"].tolist() == ["genres/jazz/jazz.00054.au"]
    with pytest.raises(soundfile.LibsndfileError):  # the crop's reason is `unreadable`
        soundfile.info(root / "gtzan/genres/jazz/jazz.00054.au")
    info = soundfile.info(root / "gtzan" / items.loc[sound, "path"].iloc[0])
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("AU", "PCM_16", 22050, 1)


def test_gtzan_index_names_artists_within_a_genre_and_leaves_a_few_clips_unidentified(tmp_path: Path) -> None:
    items = plan_gtzan(tmp_path, 150)
    assert 1 <= items["artist"].isna().sum() <= 10
    assert (items["artist"].isna() == items["title"].isna()).all()
    assert items["artist"].dropna().str.startswith("Synthetic ").all()
    assert items["artist"].value_counts().between(1, gtzan.CLIPS_PER_ARTIST).all()
    artists = items[["target", "artist"]].dropna().drop_duplicates()
    assert artists["artist"].is_unique
    assert artists["target"].value_counts().between(4, 15).all()


@pytest.mark.parametrize(("count", "genres_without_a_part"), [(30, 6), (60, 2), (150, 0)])
def test_gtzan_fault_filtered_lists_leave_clips_of_nearly_every_genre_in_every_part(
    tmp_path: Path, count: int, genres_without_a_part: int
) -> None:
    items = plan_gtzan(tmp_path, count)
    clips = pd.crosstab(items["target"], items["split"])
    assert list(clips) == ["test", "train", "valid"]
    assert (clips["train"] > 0).all()
    assert (clips == 0).any(axis=1).sum() == genres_without_a_part


@pytest.mark.parametrize("count", [3, 15, 990, 1200])
def test_gtzan_numbers_are_spread_and_differ_and_spare_the_corrupt_one(tmp_path: Path, count: int) -> None:
    recordings = gtzan.plan(count, tmp_path, 0, 8.0)
    names = {recording.path.stem for recording in recordings}
    assert len(names) == count
    assert gtzan.CORRUPT not in names
    assert count < 20 or max(names) > "rock.00049"


def test_extended_ballroom_has_13_dances_and_names_repetitions(root: Path) -> None:
    items, sound = listed(root, "extended_ballroom", "style")
    assert sound.all()
    assert items["target"].nunique() == 13
    assert len(items) == SETTINGS.extended_ballroom
    assert items["group"].nunique() < len(items)


def test_emomusic_has_both_parts_and_tabs_in_its_text(root: Path) -> None:
    items, sound = listed(root, "emomusic", "genre")
    assert sound.all()
    assert items["target"].nunique() == 8
    assert items["split"].value_counts().to_dict() == {"train": 16, "test": 8}
    songs = pd.read_csv(root / "emomusic/annotations/songs_info.csv")
    assert songs["Genre"].str.contains("\t").any()
    assert (songs["song_id"].diff() > 1).any()


@pytest.mark.parametrize("target", ["valence", "arousal"])
def test_emomusic_ratings_use_the_scale_from_1_to_9(root: Path, target: str) -> None:
    ratings = listed(root, "emomusic", target)[0]["target"]
    assert ratings.between(1, 9).all()
    assert ratings.std() > 0.5


def test_fma_small_is_balanced_and_within_medium(root: Path) -> None:
    damaged = [f"{number:06d}" for number in (fma.SHORT, fma.EMPTY, fma.MISSING)]
    small, medium = (listed(root, f"fma_{subset}", "genre")[0] for subset in ("small", "medium"))
    small, medium = (items[~items["path"].str[-10:-4].isin(damaged)] for items in (small, medium))
    assert small["target"].value_counts().to_dict() == dict.fromkeys(fma.SMALL_GENRES, 4)
    assert set(small["item_id"]) < set(medium["item_id"])
    assert set(medium["target"]) == set(fma.GENRES)
    assert all(readable(root / "fma" / path) for path in medium["path"])
    assert len(medium) == SETTINGS.fma
    for items in (small, medium):
        assert set(items["split"]) == {"train", "valid", "test"}


def test_fma_has_a_short_an_empty_and_a_missing_track(root: Path) -> None:
    folder = root / "fma/fma_medium"
    assert soundfile.info(folder / "098/098565.mp3").duration < 2
    assert (folder / "133/133297.mp3").stat().st_size == 0
    assert not (folder / "099/099134.mp3").exists()


def test_fma_tracks_have_two_header_rows_and_large_tracks_without_genre(root: Path) -> None:
    tracks = pd.read_csv(root / "fma/fma_metadata/tracks.csv", index_col=0, header=[0, 1])
    assert tracks.index.name == "track_id"
    assert tracks.loc[tracks["set", "subset"] == "large", ("track", "genre_top")].isna().all()
    crossing = tracks[tracks["set", "subset"] != "large"].groupby(("artist", "id"))[[("set", "split")]].nunique()
    assert (crossing == 1).all(axis=None)


def test_dcase2016_has_15_scenes_in_24_bit_stereo(root: Path) -> None:
    items, sound = listed(root, "dcase2016", "scene")
    assert sound.all()
    assert set(items["target"]) == set(SCENES)
    assert items["split"].value_counts().to_dict() == {"train": 28, "test": 17}
    assert len(items[["group", "split", "fold"]].drop_duplicates()) == items["group"].nunique()
    assert items["group"].nunique() < len(items)
    assert set(items["fold"].dropna()) == {0, 1, 2, 3}
    info = soundfile.info(root / "dcase2016" / items["path"].iloc[0])
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "PCM_24", 44100, 2)


def test_dcase2016_folds_keep_recordings_together(root: Path) -> None:
    setup = root / "dcase2016/TUT-acoustic-scenes-2016-development/evaluation_setup"
    for fold in range(1, 5):
        files = [
            {line.split("\t")[0] for line in (setup / f"fold{fold}_{part}.txt").read_text().splitlines()}
            for part in ("train", "test", "evaluate")
        ]
        train, test, evaluate = ({Path(file).name.split("_")[0] for file in part} for part in files)
        assert test == evaluate
        assert train.isdisjoint(test)


def test_songs_come_in_four_formats_and_some_catalogue_entries_have_no_audio(root: Path) -> None:
    catalog = pd.read_csv(root / "catalog/songs.csv", dtype=str)
    present = catalog["path"].map(lambda path: (root / "songs" / path).is_file())
    assert len(catalog) == SETTINGS.songs
    assert (~present).sum() == 1
    infos = [soundfile.info(root / "songs" / path) for path in catalog.loc[present, "path"]]
    assert {info.format for info in infos} == {"MP3", "OGG", "FLAC", "WAV"}
    assert {info.channels for info in infos} == {1, 2}
    assert all(SETTINGS.seconds <= info.duration + 1e-3 <= 1.2 * SETTINGS.seconds for info in infos)


def test_song_ids_have_leading_zeros_that_matter(root: Path) -> None:
    ids = pd.read_csv(root / "catalog/songs.csv", dtype=str)["song_id"]
    assert ids.is_unique
    assert not ids.astype(int).is_unique


@pytest.fixture(scope="module")
def rows(root: Path) -> list[list[str]]:
    files = sorted((root / "logs").glob("*.csv.gz"))
    texts = [gzip.decompress(path.read_bytes()).decode() for path in files]
    assert len(texts) > 1
    assert all(text.startswith("user_id,song_id,played_at\n") for text in texts)
    return [line.split(",") for text in texts for line in text.splitlines()[1:]]


def test_few_log_rows_are_broken(rows: list[list[str]]) -> None:
    broken = [row for row in rows if len(row) != 3 or not all(row)]
    assert len(rows) == SETTINGS.plays
    assert len(broken) / len(rows) == pytest.approx(0.012)
    assert any(len(row) == 1 for row in broken)
    assert any(row[0] == "" for row in broken)
    assert any(len(row) == 3 and row[1] == "" for row in broken)


def test_logs_run_through_may_2018_with_repeated_plays_of_mixed_users(rows: list[list[str]]) -> None:
    logs = pd.DataFrame([row for row in rows if len(row) == 3], columns=["user", "song", "time"])
    time = pd.to_datetime(logs["time"])
    assert time.is_monotonic_increasing
    assert time.min() >= pd.Timestamp("2018-05-01")
    assert time.max() < pd.Timestamp("2018-06-01")
    assert (logs["user"] != logs["user"].shift()).mean() > 0.8
    assert (logs.value_counts(["user", "song"]) > 1).mean() > 0.3


def test_some_songs_are_unknown_to_the_catalogue_and_some_never_played(root: Path, rows: list[list[str]]) -> None:
    catalog = set(pd.read_csv(root / "catalog/songs.csv", dtype=str)["song_id"])
    played = {row[1] for row in rows if len(row) == 3 and row[1]}
    assert played - catalog
    assert catalog - played
