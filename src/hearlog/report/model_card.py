"""The README of a model folder: what the model is, what it was trained on, how good it is, and how to use it.

After M. Mitchell et al.: "Model cards for model reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hearlog.model.folder import ModelConfig

SYNTHETIC = """
> **Synthetic.** It was trained on hearlog's embedded, generated data. It shows that the software works, and knows
> nothing of real music.
"""

CARD = """---
library_name: hearlog
pipeline_tag: feature-extraction
tags: [music, audio, collaborative-filtering, music-information-retrieval]
---

# Music features from listening logs
{warning}
A convolutional network that predicts a song's embedding by collaborative filtering from {seconds:g} s of its audio
(Lee, Lee, Park, Lee: "Enhancing music features by knowledge transfer from user-item log data", ICASSP 2019). Its
output, and what its layers hold, are features of music that no one had to label.

## Use

With hearlog installed (`pip install .` in its repository), from where this folder stands:

```python
import hearlog

model = hearlog.load("{folder}")
model.embed(["song.mp3", "other.flac"])                    # float32, 2 x {factors}
model.embed(["song.mp3"], layer="penultimate")             # float32, 1 x {channels}
```

```console
$ hearlog embed MUSIC_FOLDER --model {folder} --out features.parquet
```

`embedding`, the default, is for similar songs and recommending. For a classifier try the blocks below it as well
(`layer="block1"` to `"block5"`): what a task needs may not be what listeners choose by.

The model brings its front end: the middle {seconds:g} s of a sound, mono, {sample_rate} Hz, a log-mel spectrogram of
{n_mels} bands ({n_fft}-point windows every {hop_length} samples, Slaney's scale). Sounds under {min_seconds:g} s are
refused.

## Trained on

| | |
|---|---|
| log rows | {logs[rows]:,} |
| users x songs, interactions | {logs[users]:,} x {logs[songs]:,}, {logs[interactions]:,} |
| songs with audio, of the training part | {songs:,} |
| embeddings | ALS, {factors} dimensions, alpha {alpha:g}, {als[iterations]} iterations |
| network | {channels} channels in five double convolution blocks |
| by | {versions} |

## Scores

On {scores[test_songs]:,} songs it was not trained on:

| | estimator | mean embedding, which hears nothing |
|---|---|---|
| cosine with the song's embedding | {scores[cosine]:.3f} | {mean[cosine]:.3f} |
| r2 of its dimensions | {scores[r2]:.3f} | {mean[r2]:.3f} |
| mean squared error, as a share of their mean square | {scores[squared_error]:.3f} | {mean[squared_error]:.3f} |

Ranking these songs for {scores[ranking][users]:,} users who never heard them in training:

| ranked by | recall@10 | recall@50 | AUC |
|---|---|---|---|
{ranking}

## Intended use, and limits

- Features for genre, mood, style and similarity tasks with few labels; songs that nobody has played yet, found for a
  listener by what they sound like.
- It knows what the listeners of its logs listened to: music they did not hear, and tastes that the logs lack, are
  poorly told apart. Popularity has a part in the embeddings' lengths.
- It hears {seconds:g} s. A song that begins elsewhere than it goes is known by its middle.
- Embeddings of two models cannot be compared: another fit is rotated.
- Loading compares the spectrogram of a test sound with that of the training, and stops where another version of a
  library makes another one.
- It holds no listener's data: songs' embeddings are sums over users.

## Files

`model.safetensors` (weights), `config.json` (network, front end, targets, versions, SHA-256 of the training data).
Both are read without executing anything.

## Citation

```bibtex
@inproceedings{{lee2019enhancing,
  title     = {{Enhancing Music Features by Knowledge Transfer from User-item Log Data}},
  author    = {{Lee, Donmoon and Lee, Jaejun and Park, Jeongsoo and Lee, Kyogu}},
  booktitle = {{IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)}},
  year      = {{2019}}
}}
```
"""

SOURCES = {
    "estimator": "estimator, from audio",
    "ceiling_als_factors": "the songs' own embeddings, which have seen these plays (a ceiling)",
    "oracle_popularity": "popularity of the test songs, which no one knows beforehand (an oracle)",
    "random": "nothing (random order)",
}


def write_card(
    config: ModelConfig,
    folder: str,
    scores: Mapping[str, Any],
    logs: Mapping[str, Any],
    als: Mapping[str, Any],
    synthetic: bool,
) -> str:
    """Write a model card in Markdown.

    Parameters
    ----------
    config
        Of the model.
    folder
        Of the model, as a user would name it.
    scores, logs, als
        The metrics of the stages evaluate_estimator, ingest_logs and factorize.
    synthetic
        Whether the logs or songs are of the embedded data set.
    """
    ranking = [
        f"| {name} | {values['recall_at_10']:.3f} | {values['recall_at_50']:.3f} | {values['auc']:.3f} |"
        for source, name in SOURCES.items()
        for values in [scores["ranking"][source]]
    ]
    return CARD.format(
        warning=SYNTHETIC if synthetic else "",
        folder=folder,
        **config.audio.model_dump(),
        **config.mel.model_dump(),
        **config.network.model_dump(),
        alpha=config.targets.alpha,
        songs=config.targets.songs,
        versions=", ".join(f"{name} {version}" for name, version in config.versions.items()),
        scores=scores,
        mean=scores["mean_embedding"],
        logs=logs,
        als=als,
        ranking="\n".join(ranking),
    )
