"""Is this batch fit to be judged and learned from? Checks, quarantine, repairs, reports.

A check has a severity. ``critical``: rows that fail it are put aside, up to
``validation.max_quarantine_share``; above that, or when it is about the whole table, the batch is
refused. ``warning``: the batch goes on and the run is tagged. Refused data never asks for a retune.

The checks that need no setting are learned from the initial rows (:mod:`.profile`,
:mod:`.schema`, :mod:`.built_in`); those of the problem's YAML file are Great Expectations'
(:mod:`.expectations`), which is imported only where there are some.
"""

from driftune.validation.reports import read_report, read_summary, run_tags
from driftune.validation.versions import batch_version, repairs_file

__all__ = ["batch_version", "read_report", "read_summary", "repairs_file", "run_tags"]
