"""How many threads NumPy takes for the small products of a fit."""

from __future__ import annotations

import functools

from threadpoolctl import threadpool_limits


@functools.cache
def keep_to_one_thread() -> None:
    """Let NumPy and SciPy multiply in one thread from now on; torch has threads of its own.

    The products of a fit take about a millisecond. Where other programs use the cores, several threads wait for each
    other much longer than that: a click among 1,000 samples took 4 s instead of 50 ms on a busy machine.
    """
    threadpool_limits(1, user_api="blas")
