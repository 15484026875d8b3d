"""The demonstration: a real log, replayed in fast-forward until its recommender gets stuck."""
