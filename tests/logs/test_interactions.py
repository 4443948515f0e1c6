import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from hearlog.logs import interactions
from hearlog.logs.interactions import Interactions


def random_matrix(rows, columns, density=0.2, counts=False, seed=0):
    generator = np.random.default_rng(seed)
    plays = (generator.random((rows, columns)) < density) * generator.integers(1, 99, (rows, columns))
    matrix = csr_matrix(plays.astype(np.int32))
    return Interactions(matrix.indptr.astype(np.int64), matrix.indices, matrix.data if counts else None, columns)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=50), st.integers(1, 40))
def test_blocks_cover_all_rows_and_keep_the_limit_but_for_one_long_row(filled, most):
    indptr = np.concatenate([[0], np.cumsum(filled)])
    blocks = list(Interactions(indptr, np.zeros(indptr[-1], np.int32), None, 1).blocks(most))
    assert [row for block in blocks for row in range(block.start, block.stop)] == list(range(len(filled)))
    assert all(sum(filled[block]) <= most or block.stop - block.start == 1 for block in blocks)


def test_a_block_is_the_rows_it_names():
    matrix = random_matrix(20, 10, counts=True)
    block = matrix.block(slice(4, 9))
    assert block.shape == (5, 10)
    assert (block.to_csr() != matrix.to_csr()[4:9]).nnz == 0
    assert np.shares_memory(block.indices, matrix.indices)


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 40), st.booleans(), st.integers(1, 200), st.integers(0, 99))
def test_the_transpose_is_scipys_however_it_is_cut(tmp_path_factory, rows, columns, counts, most, seed):
    matrix = random_matrix(rows, columns, counts=counts, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interactions, "BLOCK", most)
        patch.setattr(interactions, "TRANSPOSED", 2 * most)
        turned = matrix.transpose(tmp_path_factory.mktemp("scratch"))
    expected = matrix.to_csr().T.tocsr()
    assert turned.shape == (columns, rows)
    assert (turned.plays is None) == (matrix.plays is None)
    for ours, theirs in ((turned.indptr, expected.indptr), (turned.indices, expected.indices)):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(turned.to_csr().data, expected.data)


@pytest.mark.parametrize("counts", [False, True])
def test_rows_are_selected_and_entries_counted_as_scipy_does(counts):
    matrix = random_matrix(20, 15, counts=counts)
    rows, columns = np.arange(20) % 3 == 0, np.arange(15) < 6
    whole = matrix.to_csr()
    np.testing.assert_array_equal(matrix.select(rows).to_csr().toarray(), whole[rows].toarray())
    np.testing.assert_array_equal(matrix.count(columns), np.diff(whole[:, columns].indptr))


def test_positions_above_two_billion_stay_exact():
    # Nothing is read: only the row positions of a matrix that int32 cannot count are cut into blocks.
    indptr = np.arange(0, 5_000_000_001, 50_000_000, dtype=np.int64)
    matrix = Interactions(
        indptr, np.lib.stride_tricks.as_strided(np.zeros(1, np.int32), (5_000_000_000,), (0,)), None, 9
    )
    blocks = list(matrix.blocks(2**27))
    assert blocks[-1].stop == 100
    assert all(matrix.block(block).indptr[-1] == matrix.block(block).entries <= 2**27 for block in blocks)
