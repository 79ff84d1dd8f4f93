"""The power-law random features model: one linear model that shows every way a loss can scale."""
