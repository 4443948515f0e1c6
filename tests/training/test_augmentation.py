import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hearlog.training.augmentation import Augmentation, windows

BANDS, FRAMES = 6, 40


def clips(count: int = 5) -> torch.Tensor:
    """Each value tells its clip, band and frame."""
    return torch.arange(count * BANDS * FRAMES, dtype=torch.float32).view(count, BANDS, FRAMES)


def apply(augmentation: Augmentation, seed: int = 0, count: int = 5) -> torch.Tensor:
    draws = augmentation.draw(np.random.default_rng(seed), count, BANDS, FRAMES)
    return draws.apply(clips(count))


def test_off_it_changes_nothing_and_draws_nothing():
    random = np.random.default_rng(0)
    draws = Augmentation().draw(random, 5, BANDS, FRAMES)
    assert torch.equal(draws.apply(clips()), clips())
    assert random.bit_generator.state == np.random.default_rng(0).bit_generator.state


@given(st.integers(0, 1000), st.integers(1, FRAMES))
@settings(max_examples=50)
def test_a_window_is_a_stretch_of_its_clip(seed, window):
    cut = apply(Augmentation(window=window), seed)
    assert cut.shape == (5, BANDS, window)
    starts = cut[:, 0, 0] - clips()[:, 0, 0]
    for clip, start in enumerate(starts.int().tolist()):
        assert torch.equal(cut[clip], clips()[clip, :, start : start + window])


def test_windows_start_anywhere():
    starts = {int(apply(Augmentation(window=38), seed, 1)[0, 0, 0]) for seed in range(50)}
    assert starts == {0, 1, 2}


@given(st.integers(0, 1000), st.integers(0, BANDS), st.integers(0, FRAMES))
@settings(max_examples=50)
def test_a_mask_covers_one_span_of_bands_and_one_of_frames(seed, mel_mask, time_mask):
    draws = Augmentation(mel_mask=mel_mask, time_mask=time_mask).draw(np.random.default_rng(seed), 5, BANDS, FRAMES)
    changed = (draws.apply(clips()) != clips()).numpy()
    for clip, (bands, times) in enumerate(zip(draws.bands, draws.times, strict=True)):
        assert bands[1] - bands[0] <= mel_mask and times[1] - times[0] <= time_mask
        outside = np.ones((BANDS, FRAMES), bool)
        outside[bands[0] : bands[1]] = False
        outside[:, times[0] : times[1]] = False
        assert not changed[clip][outside].any()


def test_a_mask_is_filled_with_the_mean_of_the_clip():
    draws = Augmentation(mel_mask=BANDS).draw(np.random.default_rng(1), 3, BANDS, FRAMES)
    masked = draws.apply(clips(3))
    first, last = draws.bands[2]
    assert last > first
    assert torch.allclose(masked[2, first:last], clips(3)[2].mean())


def test_mixup_mixes_each_clip_with_the_one_before_it():
    draws = Augmentation(mixup=0.4).draw(np.random.default_rng(0), 5, BANDS, FRAMES)
    assert 0 < draws.share < 1
    assert torch.allclose(draws.apply(clips()), draws.share * clips() + (1 - draws.share) * clips().roll(1, 0))


def test_a_part_of_a_batch_is_changed_as_in_the_whole():
    draws = Augmentation(window=20, mel_mask=3, time_mask=5).draw(np.random.default_rng(3), 5, BANDS, FRAMES)
    parts = [draws.take(part).apply(clips()[part]) for part in (slice(0, 2), slice(2, 5))]
    assert torch.equal(torch.cat(parts), draws.apply(clips()))


def test_the_same_happens_to_clips_on_every_device(device):
    augmentation = Augmentation(window=20, mel_mask=3, time_mask=5, mixup=0.5)
    draws = augmentation.draw(np.random.default_rng(3), 5, BANDS, FRAMES)
    torch.testing.assert_close(draws.apply(clips().to(device)).cpu(), draws.apply(clips()))


@pytest.mark.parametrize(("count", "starts"), [(1, [0]), (2, [0, 20]), (3, [0, 10, 20])])
def test_test_windows_are_evenly_spaced_from_the_first_frame_to_the_last(count, starts):
    cut = windows(clips(1), 20, count)
    assert [int(window[0, 0, 0]) for window in cut] == starts
    assert all(window.shape == (1, BANDS, 20) for window in cut)
