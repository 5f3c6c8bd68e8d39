"""The published models this project knows: entries, download, conversion, import, check, removal and bundles."""
