"""What fits the models is run by hand, with the corpora at hand; nothing here is a test."""

collect_ignore_glob = ["*.py"]
