"""Figures of the README: how fast, at what price, how much memory, how soon back."""
