"""A drill: a copy of the last window is broken, and what would be told of it is told, marked as a drill."""
