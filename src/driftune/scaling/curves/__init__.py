"""Curves fitted to pilots: loss against rows, loss against rows and size, seconds against both."""
