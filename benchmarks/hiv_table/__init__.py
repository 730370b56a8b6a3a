"""The published HIV-1 drug resistance table, made again: 18 drugs, the same protocol, other models."""
