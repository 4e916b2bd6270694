"""Business KPIs (contract section 7): what a source partition keeps and tells, and what the roll-up makes of it."""

from tables.business.catalogue import MONEY
from tables.business.figures import Figures
from tables.business.ledger import Folded, Ledger, Told
from tables.business.metrics import METRICS, Cycles, in_currency

__all__ = ["METRICS", "MONEY", "Cycles", "Figures", "Folded", "Ledger", "Told", "in_currency"]
