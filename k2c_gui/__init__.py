"""Review desk for Key2Cat: from volunteers' marks to curated training sets."""

__version__ = "0.1.0"
