"""Everything that decodes bytes, fed with bytes that nobody meant: `poe fuzz`."""
