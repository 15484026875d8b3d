"""The alert rules for Prometheus: one list in code, rendered by `recwatch rules` and committed in `grafana/alerts/`."""
