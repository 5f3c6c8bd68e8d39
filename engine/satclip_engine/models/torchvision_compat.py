"""Make ``import torchvision`` work beside a CPU-only torch.

open_clip and timm import torchvision for its image transforms. The torchvision wheel that package indexes serve
on Linux is linked against CUDA's torch: next to a CPU build its compiled extension cannot be loaded, and
``import torchvision`` then fails with "operator torchvision::nms does not exist", because its Python part
registers shape functions for two operators that the extension would have declared. Declaring the two schemas is
enough: nothing here ever calls them.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import torch

# Source: the operator schemas of torchvision (csrc/ops/nms.cpp and csrc/ops/quantized/cpu/qnms_kernel.cpp).
_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


@functools.cache
def ensure_torchvision_imports() -> tuple[torch.library.Library, ...]:
    """Declare torchvision's two missing operators where its extension cannot be loaded.

    Call before open_clip or timm is imported anywhere; further calls do nothing.

    Returns:
        The declaring libraries; the cache of this function keeps them alive, as torch requires.
    """
    if _extension_loads():
        return ()
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)  # type: ignore[no-untyped-call]
    return (library,)


def _extension_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True  # no torchvision at all: its import says so better than we could
    folder = Path(next(iter(spec.submodule_search_locations)))
    candidates = [path for path in sorted(folder.glob("_C*")) if path.suffix in (".so", ".pyd", ".dll", ".dylib")]
    for path in candidates:
        try:
            torch.ops.load_library(str(path))  # type: ignore[no-untyped-call]
        except OSError:
            continue
        return True
    return False
