"""The same logs past what people would use otherwise, scored by the same rules: `make bench-peers`."""
