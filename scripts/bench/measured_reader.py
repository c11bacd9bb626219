"""A locustfile of the pipeline bench: the endless reader with all of the suite's measuring on."""

from __future__ import annotations

import os
from pathlib import Path

from bench.endless_reader import EndlessReader

from configs.targets import load_targets
from metrics.install import install

__all__ = ["EndlessReader"]

install(results_dir=Path(os.environ["LAB_RESULTS_DIR"]), run_id="bench", seed=1, targets=load_targets())
