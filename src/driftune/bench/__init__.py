"""The protocol of the SLLMBO paper on tables that the user points to.

Seven tables, LightGBM and XGBoost, the paper's spaces, splits, metrics and 50 trials (Mahammadli
and Ertekin, arXiv 2410.20302), with SLLMBO as published as one arm among others. The command is
``driftune bench sllmbo``; :mod:`driftune.bench.recipes` says what is done with a table.
"""

from driftune.bench.arms import ARMS, BASELINE, check_arms
from driftune.bench.comparison import Compared, Interval, compare
from driftune.bench.document import to_document
from driftune.bench.harness import Asked, Event, Plan, run_all
from driftune.bench.models import SPACES, check_installed
from driftune.bench.picture import draw
from driftune.bench.preparation import Prepared, prepare
from driftune.bench.published_sllmbo import PublishedSLLMBO
from driftune.bench.search import Run, search
from driftune.bench.tables import Table, find_tables

__all__ = [
    "ARMS",
    "BASELINE",
    "SPACES",
    "Asked",
    "Compared",
    "Event",
    "Interval",
    "Plan",
    "Prepared",
    "PublishedSLLMBO",
    "Run",
    "Table",
    "check_arms",
    "check_installed",
    "compare",
    "draw",
    "find_tables",
    "prepare",
    "run_all",
    "search",
    "to_document",
]
