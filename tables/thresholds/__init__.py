"""Threshold alerts: rules over the numbers of a scope, and what is told when one is broken (contract section 6)."""

from tables.thresholds.rule import Rule, rule_of
from tables.thresholds.watches import Watches

__all__ = ["Rule", "Watches", "rule_of"]
