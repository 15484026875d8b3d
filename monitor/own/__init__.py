"""Detectors of users: from files and lines, written, tried on history, held against the laws."""
