"""driftune keeps a tabular model tuned: it watches, retunes, proves, promotes and can take back.

Each room is usable alone: ``driftune.sampler`` (needs Optuna only), ``driftune.tuning``,
``driftune.monitoring``, ``driftune.promotion``.
"""

__version__ = "0.1.0"
