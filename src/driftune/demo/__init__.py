"""The demonstration on real data: flights out of New York in 2013."""
