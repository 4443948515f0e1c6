"""A peer that repeats what it is told; run by tests/test_benchmarks.py."""

from benchmarks.peer import serve


def repeat(word: str, times: int) -> str:
    print("this must not reach the pipe")
    return word * times


def fail() -> None:
    raise ValueError("a peer's own mistake")


if __name__ == "__main__":
    serve({"repeat": repeat, "fail": fail}, ["numpy"])
