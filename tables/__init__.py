"""What is kept: the conversation fold, windows, KPIs, SLA runs, settings. Pure."""
