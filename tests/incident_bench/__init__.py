"""What recwatch finds of what is simulated: `python -m tests.incident_bench`."""
