"""What to do with a budget: rows, trials, rungs; and whether more of it would be worth its price."""
