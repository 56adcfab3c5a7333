"""Families of engines: what the rest of the program asks of those that paint, whatever their networks are."""
