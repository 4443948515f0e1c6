"""The figures of the report stage with their captions, carried in the page itself."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hearlog.statistics.paired_tests import CORRECTION
from hearlog.transfer.methods import COMPARISONS, METHODS, TRAINED
from hearlog.util.errors import InputError

_PNG, _END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


class Caption(NamedTuple):
    """A figure's title, what it shows, and what stands in for it where it cannot be seen.

    Braces name facts of the run: ``tasks``, ``pairs``, ``capacities``, ``largest`` (channels), ``songs`` (test songs
    of the estimator), ``pilot`` (what the pilot experiment found), ``bars`` and ``within`` (what intervals of
    scores, and tests within tasks, include).
    """

    title: str
    text: str
    alternative: str


# By name: plots/<name>.png and plots/<name>.pdf, in the order of the page.
CAPTIONS = {
    "figure4": Caption(
        "Scores of the methods (the paper's Figure 4)",
        "A panel a task ({tasks}), at {capacities}. Accuracy for classification, r² for regression. Bars: one standard "
        "deviation over folds and seeds (with caps); on one test part the 95 % interval (without) {bars}, Wilson's for "
        "accuracy. Grey lines: chance and the most frequent class.",
        f"Panels of dots, one per task: scores of {', '.join(METHODS)}. The tables of scores hold the numbers.",
    ),
    "differences": Caption(
        "Paired differences",
        "What the tests are about: a dot a (task, capacity) pair, with its 95 % interval within the task (over "
        "folds or test clips), and below them the mean over the {pairs} classification pairs with the 95 % interval "
        f"of the paired t-test; with several capacities also that over tasks, and {CORRECTION}'s p of both. Regression "
        "has another unit and stands apart. Within tasks: {within}",
        f"Panels of dots and intervals: {', '.join(' minus '.join(pair) for pair in COMPARISONS)}. "
        "The tables of tests hold the numbers.",
    ),
    "confusion": Caption(
        "Confusion matrices of kd",
        "At {largest} channels, test clips of all folds and seeds: a square is the share of a true class (row, with "
        "its number of clips) taken for another (column). Beside it, the recall of every method, class by class.",
        "One matrix of shares a classification task, the diagonal being clips that were recognised.",
    ),
    "curves": Caption(
        "Training curves",
        "The task's loss on validation clips by epoch, at {largest} channels, a panel a task ({tasks}). A thin line is "
        "a fold and seed, its marker the epoch whose weights are tested; a thick line is their mean, as far as the one "
        "that stopped first. A network whose best epoch is the last allowed did not stop by itself. A method that is "
        "fitted without epochs, as fix, has a level line.",
        f"Panels of falling validation losses of {', '.join(TRAINED)} by epoch, with level lines for the others.",
    ),
    "cf_embeddings": Caption(
        "CF embeddings of the songs",
        "What ALS made of the listening logs, before any audio. (a) Loss by iteration and, where a second fit was "
        "scored, nDCG@10 of songs held out from their listeners. (b) Norm of a song's embedding against its number of "
        "listeners. (c) Map (t-SNE on cosines) of all songs, or of the 2,000 most listened, coloured by genre; far "
        "distances and axes mean nothing. (d) Popular songs, of different genres where the catalogue has them, each "
        "with its nearest among all songs by cosine, which leaves the norm out (also in plots/nearest_songs.tsv); "
        "markers are genres as in (c). A song without a title, or with letters that the font lacks, goes by its id.",
        "Curves of the fit, density of norms against listeners, a cloud of dots coloured by genre, and lists of "
        "nearest songs, which stand in plots/nearest_songs.tsv.",
    ),
    "estimator": Caption(
        "Quality of the CF estimator",
        "On {songs} test songs that it was not trained on. Left: cosine of predicted and true embedding, beside that "
        "of the mean embedding. Middle: how alike two songs are, by predicted and by true embeddings. Right: "
        "recall@k of lists ranked for users, hits / min(k, relevant), mean of users, between random order and the "
        "ceiling of the songs' own factors.",
        "Histogram of cosines, density of pairs of songs, and curves of recall. Means stand in the tables of the "
        "estimator.",
    ),
    "probe": Caption(
        "Linear probes of the estimator's layers",
        "A panel a task ({tasks}), at the largest capacity probed. A dot is the score of a linear model on frozen "
        "features, with its 95 % interval over test clips, without training noise: in grey what the estimator must be "
        "better than (statistics of the log-mel spectrogram and of MFCC; the same network with random weights), in "
        "blue the estimator's own layers from the input to the output. Dashed: the best control. Solid: chance, or r² "
        "of 0.",
        "Panels of dots, one panel a task: score by layer, controls above. The numbers stand in the tables of probes.",
    ),
    "embedding_map": Caption(
        "Map of songs",
        "The {songs} test songs of the estimator in two dimensions (t-SNE on cosines; at most 2,000 are drawn), by "
        "their CF embeddings and by the estimates from their audio, coloured by genre. Far distances and axes mean "
        "nothing; the shares above the panels are counted in the embeddings themselves.",
        "Two clouds of dots coloured by genre, one by CF embedding and one by audio estimate.",
    ),
    "figure1": Caption(
        "Genres of the catalogue, class by class (the paper's Figure 1)",
        "Recall of every genre of the catalogue, by a network trained on genre tags and by a linear classifier on the "
        "estimator, which was trained on logs, with 95 % Wilson intervals. Both on the same test songs. {pilot}",
        "Two dots a genre: recall of the tag-trained and of the log-trained model.",
    ),
}


@dataclass(frozen=True)
class Figure:
    """A figure of the page: its place, its words and its picture as a data URI, with the size in pixels."""

    number: int
    name: str
    title: str
    caption: str
    alternative: str
    picture: str
    width: int
    height: int


def read_figures(plots: Path, facts: dict[str, str]) -> list[Figure]:
    """Read the pictures and write their captions.

    Parameters
    ----------
    plots
        Folder of ``<name>.png``.
    facts
        What the captions name.

    Raises
    ------
    InputError
        When a picture is missing, cut or none.
    """
    return [
        _read(plots / f"{name}.png", place, caption, facts)
        for place, (name, caption) in enumerate(CAPTIONS.items(), start=1)
    ]


def _read(path: Path, place: int, caption: Caption, facts: dict[str, str]) -> Figure:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Run: dvc repro")
    content = path.read_bytes()
    if not (content.startswith(_PNG) and content.endswith(_END)):
        raise InputError(f"{path}: not a whole PNG file. Run: dvc repro -f report")
    width, height = struct.unpack(">II", content[16:24])
    picture = "data:image/png;base64," + base64.b64encode(content).decode("ascii")
    words = caption.text.format(**facts)
    return Figure(place, path.stem, caption.title, words, caption.alternative, picture, width, height)
