"""Features of sounds: the same from files, arrays and the command line, and the same as the pipeline's."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from model_world import AUDIO, MEL, write_model
from sound_files import RATE, make_sound, write_sounds

import hearlog
from hearlog import cli
from hearlog.corpora import crops
from hearlog.corpora.corpus import Corpus
from hearlog.features.extractor import FeatureExtractor, load
from hearlog.features.table import read_features
from hearlog.mel.spectrogram import LogMelSpectrogram, compute_mel
from hearlog.model.architecture import LAYERS
from hearlog.model.folder import WEIGHTS
from hearlog.runtime.backend import start_backend
from hearlog.training import inference
from hearlog.util.errors import InputError

FORMATS = {"a.wav": 44100, "b.flac": 48000, "c.ogg": 22050, "d.mp3": 44100}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model, and the files of `FORMATS`, each of another sound, the second in stereo."""
    folder = tmp_path_factory.mktemp("features")
    write_model(folder / "model")
    (folder / "sounds").mkdir()
    for seed, (name, rate) in enumerate(FORMATS.items()):
        sound = make_sound(8.5, rate, seed)
        soundfile.write(folder / "sounds" / name, np.stack([sound, sound[::-1]], 1) if seed == 1 else sound, rate)
    return folder


@pytest.fixture(scope="module")
def extractor(folder) -> FeatureExtractor:
    return load(folder / "model", device="cpu")


@pytest.fixture(scope="module")
def extractor_on_device(folder, device) -> FeatureExtractor:
    return load(folder / "model", device=device)


@pytest.fixture(scope="module")
def files(folder) -> list[Path]:
    return [folder / "sounds" / name for name in FORMATS]


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [make_sound(7.5, seed=seed) for seed in range(5)]


@pytest.fixture(scope="module")
def mels(extractor, clips) -> np.ndarray:
    return np.stack([extractor.front_end.take(clip, RATE) for clip in clips])


def test_file_array_and_command_line_give_the_same(folder, extractor, files, tmp_path):
    out = tmp_path / "features.parquet"
    words = ["embed", str(folder / "sounds"), "--model", str(folder / "model"), "--out", str(out), "--device", "cpu"]
    assert cli.main(words) == 0
    table = read_features(out)
    assert table.paths.tolist() == [str(path) for path in files]
    from_files = extractor.embed(files)
    assert np.array_equal(table.vectors, from_files)
    for row, path in enumerate(files):
        samples, rate = soundfile.read(path, dtype="float32")
        assert np.abs(extractor.embed(samples, sample_rate=rate)[0] - from_files[row]).max() < 1e-4


def test_features_are_those_of_the_pipeline_to_the_last_bit(folder, extractor, files, tmp_path):
    items = pd.DataFrame({"item_id": list(FORMATS), "path": list(FORMATS)})
    corpus = Corpus(tmp_path)
    settings = AUDIO.model_dump()
    crops.crop_items(items, folder / "sounds", corpus.crops, **settings, max_rejected=0, threads=2)
    crop = np.load(corpus.crops / "crops.npy")
    compute_mel(crop, LogMelSpectrogram(AUDIO.sample_rate, **MEL.model_dump()), corpus.mel)
    mels, rows = np.load(corpus.mel, mmap_mode="r"), np.arange(len(items))
    backend = start_backend("cpu", "float32", torch.get_num_threads())
    expected = inference.predict(extractor.engine.network, mels, rows, backend, "embed")
    assert np.array_equal(extractor.embed(files), expected)


def test_an_empty_batch_is_refused(extractor, clips):
    with pytest.raises(InputError, match="batch_size 0"):
        extractor.embed(clips, sample_rate=RATE, batch_size=0)


def test_batches_are_made_within_groups(extractor, clips):
    alone = [features.vectors for features in extractor.stream(clips[:2], sample_rate=RATE)]
    among = [features.vectors for features in extractor.stream(clips, sample_rate=RATE, group=2)]
    np.testing.assert_array_equal(among[:2], alone)


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_are_the_same_on_every_device(extractor, extractor_on_device, mels, layer):
    expected, found = (engine.run(mels, layer) for engine in (extractor.engine, extractor_on_device.engine))
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize("layer", LAYERS)
def test_the_batch_size_does_not_change_features(extractor, clips, layer):
    together = extractor.embed(clips, sample_rate=RATE, layer=layer)
    for batch_size in (1, 3):
        features = extractor.embed(clips, sample_rate=RATE, layer=layer, batch_size=batch_size)
        assert np.abs(features - together).max() <= 1e-5 * max(1, np.abs(together).max())


def test_a_block_is_the_mean_over_bands_and_frames_of_its_maps(extractor_on_device, mels, rounding):
    maps, engine = [], extractor_on_device.engine
    hooks = [
        block.register_forward_hook(lambda *seen: maps.append(seen[-1].cpu().numpy()))
        for block in engine.network.blocks
    ]
    engine.run(mels, "embedding")
    for hook in hooks:
        hook.remove()
    for name, found in zip(LAYERS, maps, strict=False):
        expected = found.mean(axis=tuple(range(2, found.ndim)))
        features = engine.run(mels, name)
        assert features.shape == (len(mels), 16) and features.dtype == np.float32
        assert np.abs(features - expected).max() <= rounding * np.abs(expected).max()


def test_the_penultimate_layer_is_the_fifth_block_and_what_the_embedding_is_linear_in(extractor, clips):
    penultimate = extractor.embed(clips, sample_rate=RATE, layer="penultimate")
    assert np.array_equal(penultimate, extractor.embed(clips, sample_rate=RATE, layer="block5"))
    last = extractor.engine.network.embedding
    embedding = penultimate @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    assert np.abs(extractor.embed(clips, sample_rate=RATE) - embedding).max() < 1e-5


def test_dimensions_are_those_of_the_vectors(extractor, clips):
    for layer, dimensions in [*dict.fromkeys(LAYERS[:5], 16).items(), ("penultimate", 16), ("embedding", 40)]:
        assert extractor.dimensions(layer) == dimensions
        assert extractor.embed([], layer=layer).shape == (0, dimensions)
    assert extractor.embed(clips[0], sample_rate=RATE).shape == (1, 40)


def test_windows_have_the_features_of_their_crops(extractor, clips):
    sound = np.concatenate(clips[:2])  # 15 s
    found = extractor.embed_windows([sound, clips[0]], 2.5, sample_rate=RATE, batch_size=3)
    assert [features.starts.tolist() for features in found] == [[0, 2.5, 5, 7.5], [0]]
    parts = [sound[round(start * RATE) :][: len(clips[0])] for start in found[0].starts]
    expected = extractor.embed(parts, sample_rate=RATE)
    assert np.abs(found[0].vectors - expected).max() < 1e-5
    assert np.abs(found[1].vectors - expected[:1]).max() < 1e-5


def test_bfloat16_is_near(folder, device, extractor, clips):
    rough = load(folder / "model", device=device, precision="bfloat16").embed(clips[:2], sample_rate=RATE)
    exact = extractor.embed(clips[:2], sample_rate=RATE)
    assert rough.dtype == np.float32 and not np.array_equal(rough, exact)
    assert np.abs(rough - exact).max() < 0.05 * np.abs(exact).max()


def test_a_sound_that_cannot_be_used_is_named(extractor, files, clips, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"RIFF, and nothing after it")
    with pytest.raises(InputError, match=r"bad\.wav: unreadable"):
        extractor.embed([files[0], tmp_path / "bad.wav"])
    with pytest.raises(InputError, match="sound 1: silent"):
        extractor.embed([clips[0], np.zeros_like(clips[0])], sample_rate=RATE)
    with pytest.raises(InputError, match="sample_rate"):
        extractor.embed(clips)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer": "block6"}, "block6"),
        ({"hop": 0}, "hop"),
        ({"hop": -1}, "hop"),
        ({"hop": 0.015}, "hop 0.015: give the seconds between windows, 0.0234375 "),
        ({"hop": np.inf}, "hop"),
        ({"sample_rate": 0}, "sample_rate 0"),
        ({"sample_rate": 44100.5}, "whole number"),
    ],
)
def test_options_that_cannot_be_are_refused(extractor, clips, options, words):
    with pytest.raises(InputError, match=words):
        list(extractor.stream(clips, **({"sample_rate": RATE} | options)))


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (np.zeros((2, 8 * RATE)), r"shape: 2 frames of .* channels: give \(frames, channels\)"),
        (3000 * np.ones(8 * RATE, np.float32), "scale: samples reach 3000"),
        (torch.zeros(8 * RATE), "type: it is a Tensor: give a path"),
        ([0.5], "type: it is a float"),
        (b"song.wav", "type: it is a bytes"),
        (None, "type: it is a NoneType"),
    ],
)
def test_what_is_no_sound_by_mistake_is_said(extractor, sound, words):
    with pytest.raises(InputError, match=f"sound 0: {words}"):
        extractor.embed(sound, sample_rate=RATE)


def test_sample_rates_may_be_whole_floats(extractor, clips):
    assert np.array_equal(
        extractor.embed(clips[0], sample_rate=float(RATE)), extractor.embed(clips[0], sample_rate=RATE)
    )


def test_a_stream_of_one_sound(extractor, files, clips):
    (of_file,), (of_array,) = extractor.stream(str(files[0])), extractor.stream(clips[0], sample_rate=RATE)
    assert np.array_equal(of_file.vectors[0], extractor.embed(files[0])[0])
    assert np.array_equal(of_array.vectors, extractor.embed(clips[0], sample_rate=RATE))


def test_a_stream_that_is_left_reads_no_further(extractor, clips, monkeypatch):
    read, begun = extractor._read, []
    monkeypatch.setattr(extractor, "_read", lambda *asked: begun.append(None) or read(*asked))
    stream = extractor.stream(clips * 20, sample_rate=RATE, batch_size=20, threads=2)
    next(stream)
    before = len(begun)
    stream.close()
    assert len(begun) <= before + 2, "what two threads were at, and nothing of what was queued"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precision": "fp16"}, "precision 'fp16'.*float32, bfloat16, auto"),
        ({"device": "xpu"}, "device 'xpu'.*auto, cpu, cuda, cuda:N and mps"),
        ({"engine": "abacus"}, "abacus"),
    ],
)
def test_unknown_ways_to_run_are_refused(folder, options, words):
    with pytest.raises(InputError, match=words):
        load(folder / "model", **options)


def test_an_extractor_says_what_it_is(extractor):
    assert repr(extractor) == "FeatureExtractor(40 dimensions of 7.5 s at 16000 Hz, 16 channels, TorchEngine)"
    assert hearlog.__version__ == version("hearlog")


def test_a_stream_keeps_the_order_and_gives_reasons_in_it(extractor, tmp_path):
    paths = write_sounds(tmp_path, 7, 0.6)
    soundfile.write(paths[4], np.zeros(RATE), RATE)
    found = list(extractor.stream(paths, batch_size=2, threads=3))
    assert found[4].reason == "silent"
    for row in (0, 1, 2, 3, 5, 6):
        assert np.abs(found[row].vectors - extractor.embed(paths[row])).max() < 1e-4


def test_weights_that_git_lfs_has_not_fetched_are_named_so(tmp_path):
    write_model(tmp_path)
    (tmp_path / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n")
    with pytest.raises(InputError, match=f"{WEIGHTS}.*git lfs pull"):
        load(tmp_path, device="cpu")
