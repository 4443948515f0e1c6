import os

from hearlog.runtime import shares
from hearlog.runtime.shares import Share, share_of


def test_shares_are_disjoint_and_cover_all_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 3, 5, 8}, raising=False)
    monkeypatch.setattr(shares, "BINDS", True)
    assert [share_of(number, 2, []) for number in range(2)] == [Share([0, 2], {}), Share([3, 5, 8], {})]
    assert [share_of(number, 5, []).cores for number in range(5)] == [[0], [2], [3], [5], [8]]
    assert [share_of(number, 7, []).cores for number in range(7)] == [[0], [0], [2], [3], [3], [5], [8]]


def test_gpus_are_given_in_turn():
    given = [share_of(number, 3, ["5", "7"]).environment["CUDA_VISIBLE_DEVICES"] for number in range(3)]
    assert given == ["5", "7", "5"]


def test_where_processes_cannot_be_bound_the_share_is_a_number_of_threads(monkeypatch):
    monkeypatch.setattr(shares, "BINDS", False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert share_of(1, 2, []).environment == {"OMP_NUM_THREADS": "4"}
    assert share_of(0, 1, []).environment == {"OMP_NUM_THREADS": "8"}
