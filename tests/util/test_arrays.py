from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from hearlog.util import arrays

ARRAYS = arrays_of.arrays(st.sampled_from([np.float32, np.int64, np.float16]), arrays_of.array_shapes(min_side=0))


@given(ARRAYS, st.booleans())
def test_an_array_is_saved_as_numpy_does(tmp_path_factory, array, turned):
    folder = tmp_path_factory.mktemp("arrays")
    array = array.T if turned else array
    arrays.save(folder / "ours.npy", array)
    np.save(folder / "theirs.npy", np.ascontiguousarray(array))
    assert (folder / "ours.npy").read_bytes() == (folder / "theirs.npy").read_bytes()


def test_a_full_disk_is_an_error_to_the_last_byte():
    with pytest.raises(OSError, match="No space left on device"):
        arrays.save(Path("/dev/full"), np.zeros(8))
