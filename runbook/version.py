"""The version, apart from the names a notebook may use, so that inner layers can state it in what they seal."""

__version__ = "0.1.0"
