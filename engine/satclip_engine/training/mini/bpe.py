"""Trains a byte-pair vocabulary in the file format of open_clip's `SimpleTokenizer`.

Source: Sennrich et al. 2016 (arXiv:1508.07909).
"""

from __future__ import annotations

import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

Pair = tuple[str, str]


def learn_merges(texts: Iterable[str], n_merges: int) -> list[Pair]:
    """Return the merges, most frequent pair first; ties are broken alphabetically, for reproducibility."""
    counts = Counter(word for text in texts for word in re.findall(r"[a-z]+", text.lower()))
    words = {word: [*word[:-1], word[-1] + "</w>"] for word in counts}
    pair_counts: Counter[Pair] = Counter()
    words_of_pair: defaultdict[Pair, set[str]] = defaultdict(set)
    for word, symbols in words.items():
        for pair in pairwise(symbols):
            pair_counts[pair] += counts[word]
            words_of_pair[pair].add(word)
    merges: list[Pair] = []
    while len(merges) < n_merges and pair_counts:
        best = max(pair_counts, key=lambda pair: (pair_counts[pair], pair))
        if pair_counts[best] <= 0:
            break
        merges.append(best)
        for word in sorted(words_of_pair[best]):
            old = words[word]
            new = _merge(old, best)
            words[word] = new
            for pair in pairwise(old):
                pair_counts[pair] -= counts[word]
            for pair in pairwise(new):
                pair_counts[pair] += counts[word]
                words_of_pair[pair].add(word)
        del pair_counts[best]
    return merges


def write_merges(merges: Iterable[Pair], path: Path) -> None:
    """Write the gzip file that `SimpleTokenizer(bpe_path=...)` reads: a header line, then one merge a line."""
    text = "\n".join(["#version: satclip mini", *(" ".join(pair) for pair in merges)])
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        packed.write(text.encode())


def _merge(symbols: list[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    i = 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == pair:
            merged.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return merged
