"""Work done in threads ahead of the one who takes the results, but not without bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def ahead(do: Callable[[T], R], items: Iterable[T], threads: int, most: int) -> Iterator[R]:
    """Map in threads, in order, at most so many results ahead of the one that is taken.

    ``ThreadPoolExecutor.map`` would do all it can at once: where results are written more slowly than they are made, to
    a slow disk say, all of them would wait in memory.
    """
    # torch's own threads within each of these would be as many again.
    with ThreadPoolExecutor(threads, "read", initializer=torch.set_num_threads, initargs=(1,)) as pool:
        futures: deque[Future[R]] = deque()
        try:
            for item in items:
                futures.append(pool.submit(do, item))
                if len(futures) > threads + most:
                    yield futures.popleft().result()
            while futures:
                yield futures.popleft().result()
        finally:  # of what nobody waits for, nothing is begun
            pool.shutdown(wait=False, cancel_futures=True)
