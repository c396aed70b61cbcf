"""A stand-in for Flower (flwr >= 1.21), as far as its reference documents what the app uses. Records are dictionaries
that take what Flower's take: arrays, numbers and lists of numbers, plain configuration values."""
