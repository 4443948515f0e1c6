"""What the frames of an mp3 file say of its length, without decoding them (ISO/IEC 11172-3 and 13818-3, layer III)."""

from __future__ import annotations

from itertools import product
from pathlib import Path

_LONGEST_FRAME = 1441  # bytes: 320 kbit/s at 32 kHz, padded
_MPEG_1_BIT_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s
_OTHER_BIT_RATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES = (44_100, 48_000, 32_000)  # Hz, of MPEG 1
_DIVISORS = {0b11: 1, 0b10: 2, 0b00: 4}  # of these rates in MPEG 1, 2 and 2.5, by the bits of the version
_MONO = b"\xc0"  # the fourth byte of a header is this or more
_OLD_TAG, _OLD_TAG_BYTES = b"TAG", 128  # of ID3 version 1, after the last frame


def has_count(path: Path) -> bool:
    """Whether the first frame is that of Xing and LAME, which holds the number of the others."""
    with path.open("rb") as file:
        file.seek(_skip_tag(file.read(10)))
        first = file.read(_LONGEST_FRAME)
    return b"Xing" in first or b"Info" in first


def count_samples(path: Path) -> int | None:
    """Count the samples of each channel that the frames of a file hold.

    Parameters
    ----------
    path
        Of a file without a frame that counts the others.

    Returns
    -------
    Their number; None if anything but frames of one kind and ID3 tags is in the file, which a decoder may use or not.
    """
    content = path.read_bytes()
    at = _skip_tag(content)
    if b"VBRI" in content[at : at + _LONGEST_FRAME]:  # another count, that libsndfile takes for sound
        return None
    samples, lengths = _describe_kind(content[at : at + 3])
    frames = mono = 0
    while length := lengths.get(content[at : at + 3]):
        frames += 1
        mono += content[at + 3 : at + 4] >= _MONO
        at += length
    if len(content) - at == _OLD_TAG_BYTES and content[at:].startswith(_OLD_TAG):
        at += _OLD_TAG_BYTES
    return frames * samples if frames and mono in (0, frames) and at == len(content) else None


def _skip_tag(head: bytes) -> int:
    """Return where the first frame begins; the size of a tag before it is in four groups of 7 bits."""
    if head[:3] != b"ID3":
        return 0
    return 10 + sum(bits << shift for bits, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def _describe_kind(header: bytes) -> tuple[int, dict[bytes, int]]:
    """Return samples of a frame, and bytes of a frame by the beginning of its header, for all like the one given."""
    sync, kind, rates = header.ljust(3, b"\0")
    divisor, sample_rate = _DIVISORS.get(kind >> 3 & 0b11), rates >> 2 & 0b11
    is_layer_iii = kind & 0b11100110 == 0b11100010
    if sync != 0xFF or not is_layer_iii or divisor is None or sample_rate == len(_SAMPLE_RATES):
        return 0, {}
    bit_rates, samples = (_MPEG_1_BIT_RATES, 1152) if divisor == 1 else (_OTHER_BIT_RATES, 576)
    lengths = {}
    for (index, bit_rate), padding, private in product(enumerate(bit_rates, start=1), (0, 1), (0, 1)):
        third = index << 4 | sample_rate << 2 | padding << 1 | private
        length = samples * bit_rate * 1000 // 8 * divisor // _SAMPLE_RATES[sample_rate] + padding
        lengths[bytes([sync, kind, third])] = length
    return samples, lengths
