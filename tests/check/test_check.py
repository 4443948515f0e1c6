import dataclasses
import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from check_world import SONGS, World, findings, the

import hearlog.check.inspection
import hearlog.check.logs
from hearlog.check.findings import Section
from hearlog.check.needs import check_needs
from hearlog.check.published import check_published
from hearlog.corpora.readers.registry import READERS
from hearlog.plan.footprint import LogSize

pytestmark = pytest.mark.usefixtures("measured_once")

LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 260413627\n"


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)


def test_what_is_found_stands_beside_what_was_published(world):
    sections = world.check()
    assert list(sections) == ["logs", "songs", "gtzan", "own", "across"]
    assert sections["logs"].facts["rows"] == 48
    assert sections["songs"].facts["with plays"] == {
        "songs": 12,
        "in catalogue": 12,
        "with usable audio": 12,
    }
    assert sections["songs"].facts["share of plays"] == 1
    assert sections["songs"].facts["split"] == {"train": 9, "valid": 1, "test": 2}
    assert sections["gtzan"].facts["items"] == {"found": 12, "published": 1000}
    assert sections["gtzan"].facts["classes"] == {"blues": 6, "jazz": 6}
    assert sections["own"].facts["parts"] == {"train": 8, "test": 4}
    assert sections["own"].facts["split"] == {"folds": 1, "train": 6, "valid": 2, "test": 4}
    assert "jazz 6 (100)" in the(sections["gtzan"], "warning", "other counts than those published")


def test_own_data_without_a_fault_has_no_finding(world):
    del world.settings["tasks"]["gtzan"]
    assert all(section.findings == [] for section in world.check().values())


# ---- logs


def test_rows_that_cannot_be_used_are_listed_with_file_and_line(world):
    world.write_logs([("user-9", ""), ("user-9", SONGS[0])], "more.csv")
    found = the(world.check()["logs"], "warning", "1 of 50 rows (2.00%) cannot be used")
    assert "empty song id: 1, such as raw/logs/more.csv line 2: 'user-9,'" in found


def test_too_many_rejected_rows_are_a_problem(world):
    world.write("raw/logs/broken.csv", "user_id,song_id\n" + "no song\n" * 10)
    assert "above logs.max_rejected 0.05" in the(world.check()["logs"], "problem", "10 of 58 rows")


def test_quick_reads_the_first_rows_and_says_so(world, monkeypatch):
    monkeypatch.setattr(hearlog.check.logs, "QUICK_ROWS", 30)
    world.settings["songs"]["sample"] = 12
    quick, full = world.check(), world.check(full=True)
    assert quick["logs"].facts["rows"] == 30
    assert the(quick["logs"], "note", "only the first 30 rows were read")
    assert (full["logs"].facts["rows"], full["logs"].findings) == (48, [])


def test_songs_that_only_the_unread_rows_may_have_are_no_problem(world, monkeypatch):
    monkeypatch.setattr(hearlog.check.logs, "QUICK_ROWS", 5)
    world.settings["songs"]["sample"] = 12
    assert the(world.check()["songs"], "note", "songs.sample asks for 12 songs; those read so far have 5 with audio")
    assert world.check(full=True)["songs"].findings == []


def test_too_high_min_song_plays_is_a_problem(world):
    world.settings["logs"]["min_song_plays"] = 5
    sections = world.check()
    assert the(sections["logs"], "problem", "no song was played 5 times or more: lower logs.min_song_plays")


def test_rows_that_quick_did_not_read_may_mend_what_it_found(world, monkeypatch):
    monkeypatch.setattr(hearlog.check.logs, "QUICK_ROWS", 5)
    world.catalogue = world.catalogue.tail(6)  # of songs that come later in the logs
    world.write("raw/logs/a.csv", "user_id,song_id\n" + "no song\n" * 2)
    world.write_logs([(f"user-{user}", song) for user in range(4) for song in SONGS], "b.csv")
    quick = world.check()
    asks = "in the rows that were read (`hearlog check --full` reads all): "
    assert the(quick["logs"], "warning", "rows (40.00%) cannot be used, above").startswith(asks)
    assert the(quick["songs"], "warning", "no song of the logs is in the catalogue").startswith(asks)
    assert not any(findings(section, "problem") for section in quick.values())
    assert the(quick["across"], "note", "all songs of the catalogue with usable audio were compared")


def test_too_few_songs_in_the_rows_that_quick_read_are_no_problem(world, monkeypatch):
    monkeypatch.setattr(hearlog.check.logs, "QUICK_ROWS", 3)
    songs = world.check()["songs"]
    assert "--full" in the(songs, "warning", "3 clips are too few for the shares")
    assert findings(songs, "problem") == []


def test_a_check_writes_nothing_where_it_runs(world):
    world.save()
    before = sorted(world.root.rglob("*"))
    world.check()
    assert sorted(world.root.rglob("*")) == before


# ---- songs


def test_missing_and_damaged_audio_is_listed_by_reason(world):
    (world.root / "raw/songs/001.wav").unlink()
    whole = (world.root / "raw/songs/002.wav").read_bytes()
    (world.root / "raw/songs/002.wav").write_bytes(whole[:2000])
    world.write("raw/songs/003.wav", "no sound")
    world.write_sound("raw/songs/004.wav", seconds=0.2)
    songs = world.check()["songs"]
    assert songs.facts["audio"] == {"usable": 8, "missing": 1, "short": 1, "truncated": 1, "unreadable": 1}
    assert the(songs, "warning", "1 file is not there: 001.wav.")
    assert the(songs, "warning", f"1 file is truncated: 002.wav (the first: header announces {len(whole)} bytes")
    assert the(songs, "warning", "1 file is not readable: 003.wav")
    assert the(songs, "warning", "1 file is too short: 004.wav (the first: 0.20 s, at least 0.5 s needed)")
    # Of the eleven songs with a file, three cannot be used: more than a quarter.
    assert the(songs, "problem", "3 of 11 files cannot be used (27.3%), more than audio.max_rejected 0.25")


def test_silence_is_found_by_full_alone_as_quick_decodes_nothing(world):
    world.write_sound("raw/songs/001.wav", silent=True)
    quick, full = world.check(), world.check(full=True)
    assert quick["songs"].findings == []
    assert the(full["songs"], "warning", "1 file is silent: 001.wav")


def test_a_missing_file_is_looked_for_in_other_places(world):
    shutil.move("raw/songs/001.wav", "raw/songs/OLD_001.wav")
    (world.root / "raw/songs/more").mkdir()
    shutil.move("raw/songs/002.wav", "raw/songs/more/002.wav")
    songs = world.check()["songs"]
    assert the(
        songs, "note", "2 sound files under raw/songs that no song of the catalogue names: OLD_001.wav, more/002"
    )
    assert the(songs, "warning", "002.wav as more/002.wav. Mend the paths")


def test_a_folder_of_audio_that_is_not_there_is_a_problem_of_its_own(world):
    world.settings["songs"]["audio_root"] = "raw/elsewhere"
    assert the(world.check()["songs"], "problem", "raw/elsewhere: no such folder. Put the songs' audio there")


def test_songs_under_two_ids_are_found_by_bytes_and_by_name(world):
    shutil.copy("raw/songs/001.wav", "raw/songs/002.wav")
    world.catalogue["artist"] = ["A", "B", "The Band", "the  band", *"EFGHIJKL"]
    world.catalogue["title"] = ["t", "u", "Song No. 1", "Song (No 1)", *"efghijkl"]
    songs = world.check()["songs"]
    assert the(songs, "warning", "1 song with a file of the same bytes as another: 001 and 002")
    assert the(songs, "note", "1 song with artist and title of another: 003 and 004")


@pytest.mark.parametrize(
    ("respell", "difference"),
    [
        (lambda song: song.lstrip("0"), "leading zeros: '1' in the logs, '001' in the catalogue"),
        (lambda song: f"{song}.mp3", "file extensions: '001.mp3' in the logs"),
        (lambda song: f"s {song}".upper(), "upper and lower case: 'S 001' in the logs, 's 001' in the catalogue"),
        (lambda song: f"s  {song}", "spaces: 's  001' in the logs, 's 001' in the catalogue"),
    ],
)
def test_ids_that_almost_match_are_explained(world, respell, difference):
    if " " in respell("1"):
        world.catalogue["song_id"] = "s " + world.catalogue["song_id"]
    world.write_logs([(f"user-{user}", respell(song)) for user in range(4) for song in SONGS])
    problem = the(world.check()["songs"], "problem", "no song of the logs is in the catalogue")
    assert f"12 songs of logs and catalogue would match but for {difference}" in problem


def test_ids_of_another_kind_are_a_problem_without_a_guess(world):
    world.write_logs([("user", f"song {number}") for number in range(5)] * 2)
    problem = the(world.check()["songs"], "problem", "no song of the logs is in the catalogue")
    assert problem.endswith("Both must use the same ids")


def test_a_few_ids_that_almost_match_are_a_warning(world):
    world.write_logs([(f"user-{user}", "1" if song == "001" else song) for user in range(4) for song in SONGS])
    assert the(world.check()["songs"], "warning", "1 song of logs and catalogue would match but for leading zeros")


def test_a_sample_above_the_usable_songs_is_a_problem(world):
    world.settings["songs"]["sample"] = 13
    assert the(world.check()["songs"], "problem", "songs.sample asks for 13 songs, but 12 have plays and audio")


def test_too_few_songs_to_split_are_a_problem(world):
    world.catalogue = world.catalogue.head(3)
    assert the(world.check()["songs"], "problem", "3 clips are too few for the shares")


# ---- tasks


def test_a_copy_that_lacks_clips_is_a_warning_unless_they_are_known_to_be_damaged(world):
    sound = world.root / "raw/gtzan/genres/blues/blues.00000.au"
    for genre in ["blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock"]:
        world.write(f"raw/gtzan/genres/{genre}/README", "")
        for number in range(100):
            place = sound.parents[1] / f"{genre}/{genre}.{number:05d}.au"
            if not place.exists() and place.name != "jazz.00054.au":
                place.symlink_to(sound)

    def counts() -> Section:
        section, task = Section("gtzan"), world.save().tasks["gtzan"]
        check_published(section, READERS["gtzan"].read(Path(task.path), task.target), task)
        return section

    assert the(counts(), "note", "jazz 99 (100). What is not there is known to be damaged: jazz.00054")
    sound.with_name("blues.00099.au").unlink()
    assert the(counts(), "warning", "blues 99 (100), jazz 99 (100). Scores will not compare")
    assert the(counts(), "note", "998 of GTZAN's 1000 clips, without blues.00099, jazz.00054")


def test_an_annotation_file_that_was_changed_is_noted(world):
    songs = "".join(f'<song id="{number}"/>' for number in range(6))
    world.write("raw/extended_ballroom/extendedballroom_v1.1.xml", f"<all><Salsa>{songs}</Salsa></all>")
    world.settings["tasks"] = {"dance": world.task("extended_ballroom", "style", protocol="stratified_cv", folds=2)}
    note = the(world.check()["dance"], "note", "is not the published file")
    assert "not 54130c25034804a4d17363226f68cadd" in note


def test_one_error_hides_no_other(world):
    world.settings["tasks"]["fma"] = world.task("fma_small", "genre", protocol="official")
    world.write("raw/fma_small/fma_metadata/tracks.csv", LFS_POINTER)
    world.settings["logs"]["columns"]["song"] = "track"
    (world.root / "raw/table/clip-0.wav").unlink()
    sections = world.check()
    assert the(sections["logs"], "problem", "no column 'track' (logs.columns.song)")
    assert the(sections["fma"], "problem", "this is a Git LFS pointer, not the file")
    assert the(sections["own"], "warning", "1 file is not there: clip-0.wav")
    assert the(sections["songs"], "note", "the overlap with the logs was not looked at")
    assert the(sections["across"], "note", "not compared, as their items are not known: fma")
    assert sections["songs"].facts["audio"] == {"usable": 12}


def test_a_class_too_small_for_the_folds_is_a_problem(world):
    world.settings["tasks"]["gtzan"]["folds"] = 4
    for number in range(3, 6):
        (world.root / f"raw/gtzan/genres/jazz/jazz.{number:05d}.au").unlink()
    assert the(world.check()["gtzan"], "problem", "class 'jazz' has 3 clips, fewer than the 4 folds")


def test_a_single_class_is_a_problem(world):
    world.table["mood"] = "calm"
    assert the(world.check()["own"], "problem", "every clip that can be used has the same mood")


def test_the_split_is_made_of_the_clips_that_can_be_used(world):
    world.settings["audio"]["max_rejected"] = 0.5
    for number in range(8, 12):
        (world.root / f"raw/table/clip-{number}.wav").unlink()
    assert the(world.check()["own"], "problem", "no clip of the published test part is left")


def test_too_many_unusable_clips_are_a_problem(world):
    for number in range(4):
        (world.root / f"raw/table/clip-{number}.wav").unlink()
    assert the(
        world.check()["own"], "problem", "4 of 12 files cannot be used (33.3%), more than audio.max_rejected 0.25"
    )


def test_classes_absent_from_a_part_are_named(world):
    world.table["mood"] = ["calm"] * 8 + ["wild"] * 3 + ["calm"]
    world.table["split"] = ["train"] * 4 + ["test"] * 8
    world.table.loc[12] = ["clip-12", "clip-12.wav", "train", "dull"]
    world.write_sound("raw/table/clip-12.wav")
    own = world.check()["own"]
    assert the(own, "warning", "no train clip of wild: a class cannot be learned there")
    assert the(own, "note", "no test clip of dull: a class is not tested there")


def test_a_regression_task_has_no_classes(world):
    world.table["mood"] = np.linspace(0.5, 4.5, 12)
    facts = world.check()["own"].facts
    assert "classes" not in facts
    assert facts["split"]["test"] == 4


def test_the_same_file_under_two_labels_is_a_warning(world):
    shutil.copy("raw/gtzan/genres/blues/blues.00001.au", "raw/gtzan/genres/jazz/jazz.00002.au")
    shutil.copy("raw/gtzan/genres/blues/blues.00003.au", "raw/gtzan/genres/blues/blues.00004.au")
    gtzan = world.check()["gtzan"]
    assert the(gtzan, "warning", "same bytes as another of a different genre: blues.00001 and jazz.00002")
    assert the(gtzan, "note", "1 file with the same bytes as another: blues.00003 and blues.00004")


def test_tasks_of_one_data_set_have_their_files_read_once(world, monkeypatch):
    world.settings["tasks"] = dict.fromkeys(("first", "second"), world.settings["tasks"]["own"])
    seen = []
    inspect = hearlog.check.inspection.inspect_files
    monkeypatch.setattr(
        hearlog.check.inspection, "inspect_files", lambda paths, *a, **k: seen.extend(paths) or inspect(paths, *a, **k)
    )
    sections = world.check()
    assert sections["first"].facts == sections["second"].facts
    assert sorted(seen) == sorted([*world.catalogue["path"], *world.table["path"]])


def test_tasks_with_the_same_clips_do_not_repeat_findings_word_for_word(world):
    (world.root / "raw/table/clip-0.wav").unlink()
    world.table["tempo"] = np.linspace(60, 180, 12)
    own = world.settings["tasks"]["own"]
    world.settings["tasks"] = {"first": own, "second": own | {"target": "tempo"}, "other": own | {"valid": 0.5}}
    world.table["mood"] = ["calm"] * 11 + ["wild"]
    sections = world.check()
    assert the(sections["first"], "warning", "1 file is not there: clip-0.wav")
    assert the(sections["first"], "warning", "no train clip of wild")
    assert findings(sections["second"], "warning") == []
    assert findings(sections["second"], "note") == ["same clips as first, and 1 finding of it holds here as well"]
    assert "2 findings of it hold" in the(sections["other"], "note", "same clips as first")


def test_what_no_stage_reads_is_a_warning_where_it_cannot_be_read(world, monkeypatch):
    def refuse(root):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), f"{root}/index.txt")

    section, task = Section("gtzan"), world.save().tasks["gtzan"]
    items = READERS["gtzan"].read(Path(task.path), task.target)
    monkeypatch.setitem(READERS, "gtzan", dataclasses.replace(READERS["gtzan"], remarks=refuse))
    check_published(section, items, task)
    assert the(section, "warning", "raw/gtzan/index.txt: Permission denied. Check its permissions")
    assert findings(section, "problem") == []


# ---- across


def test_a_song_that_is_a_test_clip_is_found_by_bytes_and_by_name(world):
    shutil.copy("raw/table/clip-9.wav", "raw/songs/003.wav")
    shutil.copy("raw/table/clip-0.wav", "raw/songs/004.wav")  # a train clip: no harm
    shutil.copy("raw/gtzan/genres/jazz/jazz.00002.au", "raw/songs/005.wav")
    world.catalogue["artist"], world.catalogue["title"] = "Björk", world.catalogue["song_id"]
    world.table["artist"], world.table["title"] = "BJÖRK", ["x"] * 11 + ["'006'"]
    across = world.check()["across"]
    assert the(across, "warning", "1 test clip of own with the file of a song of the catalogue: clip-9 is song 003.")
    assert the(
        across, "warning", "1 test clip of gtzan with the file of a song of the catalogue: jazz.00002 is song 005"
    )
    assert the(across, "warning", "with the artist and title of a song of the catalogue: clip-11 is song 006")
    assert across.facts["same"] == {"file": 2, "artist and title": 1}
    assert len(across.findings) == 3


def test_a_test_clip_that_the_estimator_never_hears_is_no_leak(world):
    shutil.copy("raw/table/clip-9.wav", "raw/songs/003.wav")
    world.write_logs([(f"user-{user}", song) for user in range(4) for song in SONGS if song != "003"])
    assert world.check()["across"].findings == []
    world.write("raw/logs/day.csv", "no,columns\n")
    across = world.check()["across"]
    assert the(across, "warning", "clip-9 is song 003")
    assert the(across, "note", "which songs the logs have is not fully known")


def test_tasks_of_one_data_set_share_a_finding(world):
    shutil.copy("raw/table/clip-9.wav", "raw/songs/003.wav")
    world.settings["tasks"] = dict.fromkeys(("first", "second"), world.settings["tasks"]["own"])
    assert the(world.check()["across"], "warning", "1 test clip of first, second with the file of a song")


# ---- run


def test_too_little_memory_and_disk_are_problems_and_the_figures_stand_there(world):
    world.settings["sweep"]["divisors"] = [1, 512]
    world.settings["model"]["channels"] = 8192
    world.settings["transfer"]["training"]["patience"] = 1  # training may stop early
    section = Section("run")
    check_needs(section, world.save(), {"songs": 10**9, "own": 12}, LogSize(1000, 10, 12))
    assert "lower model.channels" in the(section, "problem", "training takes about ")
    assert "move DVC's cache" in the(section, "problem", " of disk are missing")
    assert the(section, "note", "more will be needed for what could not be read: gtzan")
    assert section.facts["time"]["at most"] > section.facts["time"]["about"]
    assert section.facts["computed from"]["channels"] == 8192
    assert section.facts["computed from"]["log rows"] == 1000
    assert section.facts["clip length"] == world.settings["audio"]["seconds"]
    assert not [name for name in section.facts["computed from"] if name.startswith("clip ")]


def test_a_file_that_the_system_does_not_give_is_a_problem_of_its_section(world):
    section = Section("logs")
    with section.errors_are("problem"):
        (world.root / "raw").read_text()
    assert the(section, "problem", f"{world.root}/raw: Is a directory. Check its permissions, and the disk it is on")


# ---- what DVC stops on


def test_links_to_nothing_and_to_themselves_stop_dvc_wherever_they_lie(world):
    (world.root / "raw/logs/old.bak").symlink_to("gone")
    (world.root / "raw/songs/more").mkdir()
    (world.root / "raw/songs/more/loop").symlink_to("loop")
    os.mkfifo("raw/table/pipe")
    sections = world.check()
    found = the(sections["logs"], "problem", "`dvc repro` would stop on 1 file: raw/logs/old.bak (a link to nothing)")
    assert found.endswith("DVC hashes the whole folder: remove or mend it")
    assert the(sections["songs"], "problem", "raw/songs/more/loop (a link to itself)")
    assert the(sections["own"], "problem", "raw/table/pipe (not a file that can be read to an end)")
    assert findings(sections["gtzan"], "problem") == []


def test_a_name_that_is_not_utf8_is_a_problem_and_can_be_printed(world):
    for folder in ("logs", "songs", "gtzan/genres/jazz"):
        (world.root / "raw" / folder / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"")
    sections = world.check()
    for name, folder in {"logs": "logs", "songs": "songs", "gtzan": "gtzan/genres/jazz"}.items():
        assert the(sections[name], "problem", rf"1 file: raw/{folder}/caf\xe9.wav (a name that is not UTF-8)")
    for section in sections.values():
        assert all(finding.text.encode() for finding in section.findings)


def test_logs_whose_name_is_not_utf8_are_a_problem(world):
    shutil.move("raw/logs/day.csv", os.fsdecode(b"raw/logs/caf\xe9.csv"))
    assert r"raw/logs/caf\xe9.csv" in " ".join(findings(world.check()["logs"], "problem"))


def test_a_file_without_permission_to_read_it_is_a_problem(world, monkeypatch):
    # The tests may run as root, who may read everything.
    monkeypatch.setattr(os, "access", lambda path, mode: not path.endswith("003.wav"))
    assert the(world.check()["songs"], "problem", "raw/songs/003.wav (no permission to read it)")


def test_dvc_follows_no_link_to_a_folder_and_skips_what_it_ignores(world):
    (world.root / "raw/songs/up").symlink_to("..")
    (world.root / "raw/songs/__pycache__").mkdir()
    (world.root / "raw/songs/__pycache__/x").symlink_to("gone")
    assert findings(world.check()["songs"], "problem") == []


# ---- the embedded data set


def test_the_embedded_data_set_not_written_yet_is_a_note_and_no_problem(world):
    world.settings["logs"]["path"] = "data/demo/logs"
    world.settings["songs"] |= {"catalog": "data/demo/catalog/songs.csv", "audio_root": "data/demo/songs"}
    world.settings["tasks"] = {"gtzan": world.settings["tasks"]["gtzan"] | {"path": "data/demo/gtzan"}}
    sections = world.check()
    for name in ("logs", "songs", "gtzan"):
        assert the(sections[name], "note", "`dvc repro data/demo/dvc.yaml` writes it")
    assert not any(findings(section, "problem") for section in sections.values())


def test_the_embedded_data_set_differs_from_the_published_one_by_design(world):
    shutil.move("raw/gtzan", world.write("data/demo/README", "").parent / "gtzan")
    world.settings["tasks"]["gtzan"]["path"] = "data/demo/gtzan"
    gtzan = world.check()["gtzan"]
    assert the(gtzan, "note", "smaller than the published one by design")
    assert findings(gtzan, "warning") == []
