"""Number domains: the same graph in balls, in error bounds, in fractions."""
