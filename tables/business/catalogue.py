"""What the business KPIs say of themselves."""

from __future__ import annotations

from typing import Final

from tables.kpis.metric import Better, Fraction, Metric, Text, Unit

_TENANT: Final = ("tenant",)
_RETAINED: Final = ("mrr_start", "mrr_expansion", "-mrr_contraction", "-mrr_churned")


def _metric(name: str, unit: Unit, better: Better, en: Text, id_: Text, *fractions: Fraction) -> Metric:
    return Metric(name, unit, better, en, id_, fractions, _TENANT)


CUSTOMERS: Final = (
    _metric(
        "customers_at_start",
        "count",
        "neither",
        Text("Customers at the start", "customers with MRR when the window began"),
        Text("Pelanggan di awal", "pelanggan yang memiliki MRR saat rentang waktu dimulai"),
    ),
    _metric(
        "customers_retained",
        "count",
        "higher",
        Text("Customers retained", "customers of the start who have MRR now"),
        Text("Pelanggan bertahan", "pelanggan di awal yang kini masih memiliki MRR"),
    ),
    _metric(
        "customers_lost",
        "count",
        "lower",
        Text("Customers lost", "customers of the start who have no MRR now"),
        Text("Pelanggan hilang", "pelanggan di awal yang kini tidak lagi memiliki MRR"),
    ),
    _metric(
        "customers_new",
        "count",
        "higher",
        Text("New customers", "customers with MRR now who had none at the start"),
        Text("Pelanggan baru", "pelanggan yang kini memiliki MRR dan di awal belum"),
    ),
    _metric(
        "customer_retention_ratio",
        "ratio",
        "higher",
        Text("Customer retention", "share of the customers of the start who have MRR now"),
        Text("Retensi pelanggan", "persentase pelanggan di awal yang kini masih memiliki MRR"),
        Fraction(("customers_retained",), ("customers_at_start",)),
    ),
    _metric(
        "customer_churn_ratio",
        "ratio",
        "lower",
        Text("Customer churn", "share of the customers of the start who have no MRR now"),
        Text("Churn pelanggan", "persentase pelanggan di awal yang kini tidak lagi memiliki MRR"),
        Fraction(("customers_lost",), ("customers_at_start",)),
    ),
)
MONEY: Final = (
    _metric(
        "mrr_start",
        "money",
        "higher",
        Text("MRR at the start", "monthly recurring revenue when the window began"),
        Text("MRR di awal", "pendapatan berulang bulanan saat rentang waktu dimulai"),
    ),
    _metric(
        "mrr_new",
        "money",
        "higher",
        Text("New MRR", "MRR now of customers who had none at the start"),
        Text("MRR baru", "MRR kini dari pelanggan yang di awal belum memilikinya"),
    ),
    _metric(
        "mrr_expansion",
        "money",
        "higher",
        Text("Expansion MRR", "rises of the MRR of customers of the start"),
        Text("MRR ekspansi", "kenaikan MRR pelanggan di awal"),
    ),
    _metric(
        "mrr_contraction",
        "money",
        "lower",
        Text("Contraction MRR", "falls of the MRR of customers of the start, but not to nothing"),
        Text("MRR kontraksi", "penurunan MRR pelanggan di awal, tetapi tidak sampai nol"),
    ),
    _metric(
        "mrr_churned",
        "money",
        "lower",
        Text("Churned MRR", "falls of the MRR of customers of the start to nothing"),
        Text("MRR hilang", "penurunan MRR pelanggan di awal sampai nol"),
    ),
    _metric(
        "net_revenue_retention_ratio",
        "ratio",
        "higher",
        Text("Net revenue retention", "MRR now of the customers of the start, of the MRR at the start"),
        Text("Retensi pendapatan bersih", "MRR kini dari pelanggan di awal, terhadap MRR di awal"),
        Fraction(_RETAINED, ("mrr_start",), "net_revenue_retention: existing"),
        Fraction((*_RETAINED, "mrr_new"), ("mrr_start",), "net_revenue_retention: with_new"),
    ),
    _metric(
        "revenue_churn_ratio",
        "ratio",
        "lower",
        Text("Revenue churn", "MRR contracted and churned, of the MRR at the start"),
        Text("Churn pendapatan", "MRR kontraksi dan hilang, terhadap MRR di awal"),
        Fraction(("mrr_churned", "mrr_contraction"), ("mrr_start",)),
    ),
    _metric(
        "mrr_growth_ratio",
        "ratio",
        "higher",
        Text("MRR growth", "change of all MRR, of the MRR at the start"),
        Text("Pertumbuhan MRR", "perubahan seluruh MRR, terhadap MRR di awal"),
        Fraction(("mrr_new", "mrr_expansion", "-mrr_contraction", "-mrr_churned"), ("mrr_start",)),
    ),
    _metric(
        "support_cost",
        "money",
        "lower",
        Text("Support cost", "cost of customer service, accrued evenly over its postings' periods"),
        Text("Biaya layanan", "biaya layanan pelanggan, diakui merata selama periodenya"),
    ),
    _metric(
        "revenue",
        "money",
        "higher",
        Text("Revenue", "revenue, accrued evenly over its postings' periods"),
        Text("Pendapatan", "pendapatan, diakui merata selama periodenya"),
    ),
    _metric(
        "support_cost_ratio",
        "ratio",
        "lower",
        Text("Support cost of revenue", "support cost, of the revenue"),
        Text("Biaya layanan per pendapatan", "biaya layanan, terhadap pendapatan"),
        Fraction(("support_cost",), ("revenue",)),
    ),
    _metric(
        "cost_per_resolution",
        "money",
        "lower",
        Text("Cost per resolution", "support cost for each cycle resolved"),
        Text("Biaya per penyelesaian", "biaya layanan untuk setiap siklus yang diselesaikan"),
        Fraction(("support_cost",), ("conversations_resolved",), "cost_per_resolution: resolved"),
        Fraction(("support_cost",), ("conversations_opened",), "cost_per_resolution: received"),
    ),
)
"""Of the tenant's currency; beside them each stands with a currency's name at its end, for every currency seen."""
VISITORS: Final = (
    _metric(
        "visitors",
        "count",
        "higher",
        Text("Visitors", "distinct visitors, within 2 %"),
        Text("Pengunjung", "pengunjung berbeda, dengan ketelitian 2 %"),
    ),
    _metric(
        "visitors_converted",
        "count",
        "higher",
        Text("Visitors converted", "distinct visitors who converted, within 2 %"),
        Text("Pengunjung terkonversi", "pengunjung berbeda yang terkonversi, dengan ketelitian 2 %"),
    ),
    _metric(
        "conversion_ratio",
        "ratio",
        "higher",
        Text("Conversion", "share of the visitors who converted"),
        Text("Konversi", "persentase pengunjung yang terkonversi"),
        Fraction(("visitors_converted",), ("visitors",)),
    ),
)
