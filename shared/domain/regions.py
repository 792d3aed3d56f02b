"""Azure regions inside the European Union.

Source: Microsoft, "List of Azure regions" and "Azure cross-region replication pairings". Regions of Norway,
Switzerland and the United Kingdom are not in the EU, even where they belong to Microsoft's EU Data Boundary.
"""

EU_REGIONS = frozenset(
    {
        "austriaeast",
        "belgiumcentral",
        "denmarkeast",
        "francecentral",
        "francesouth",
        "germanynorth",
        "germanywestcentral",
        "italynorth",
        "northeurope",
        "polandcentral",
        "spaincentral",
        "swedencentral",
        "swedensouth",
        "westeurope",
    }
)
