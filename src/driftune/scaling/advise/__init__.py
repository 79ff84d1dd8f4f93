"""What to do with a budget: rows, trials, rungs; and is more of it worth its price."""
