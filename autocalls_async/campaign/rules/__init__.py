"""Whom a campaign may write to, when, and how much: pure decisions."""
