"""List which songs have a genre that can be learned and tested: the task of the pilot experiment."""

from hearlog.corpora import genres
from hearlog.corpora.corpus import Corpus
from stages import paths, run


def main() -> None:
    """Label every song of the estimator's corpus, and count those left out by reason."""
    corpus = Corpus(paths.CORPORA / "songs")
    songs = genres.label_songs(corpus.read_clips(), corpus.read_splits()[1][0])
    paths.PILOT.mkdir(parents=True, exist_ok=True)
    songs.to_parquet(paths.PILOT / "songs.parquet", index=False)
    counts = genres.count_songs(songs)
    paths.write_metrics("pilot/songs", counts)
    print(f"pilot: {counts['used']} of {counts['songs']} songs in {counts['genres']} genres, {counts['test']} to test")


if __name__ == "__main__":
    run(main)
